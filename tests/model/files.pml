/*
 * files.pml: which files of a partition may be deleted: bases, roll-ups, rewrites, deletion and pins
 * (lib/store/rollup.c, compact.c, retire.c, lib/share/pin.c) for SPIN. How commits come to be is log.pml's
 * subject: here the head only grows, and a pass is one step.
 *
 * The processes ROLLERS, REWRITERS, DELETERS and PINNERS may pause before each step for any time, or for
 * ever (a crash). `others` is everybody who is fast. There are no clocks: a grace protects nothing here.
 * A base may be linked twice: a reply was lost, and the kernel asked again.
 *
 * Property: there are the files of the two greatest bases (who starts, starts from the greatest); of every base
 * in bases/ that was the greatest when it was published (it serves when newer ones are damaged); and of
 * pinned bases, which are in bases/ themselves. check.py says what each flag takes out.
 */
#ifndef NUMBERS
#define NUMBERS 5
#endif
#ifndef ROLLERS
#define ROLLERS 0
#endif
#ifndef REWRITERS
#define REWRITERS 0
#endif
#ifndef DELETERS
#define DELETERS 0
#endif
#ifndef PINNERS
#define PINNERS 0
#endif
#define KEPT 2 /* names that stay in bases/; eight in the library */

/* A set of bases, or of temps, is a byte. A set of files is an int: each maker has one for each number. */
#define BIT(n) (1 << ((n) - 1))
#define FILE(maker, n) (1 << ((maker) * NUMBERS + (n) - 1))

byte top;                 /* the head */
byte by_others;           /* numbers that `others` have made a base of: once each */
byte greatest;            /* the greatest base */
byte second;              /* the greatest but one */
byte listed;              /* names in bases/ */
byte prompt;              /* ... that were the greatest when they were published */
int names[NUMBERS + 1];   /* base -> the files it names */
int files;                /* names in files/ */
byte temps;               /* tmp/: manifests of roll-ups that are not linked yet, or left behind */
byte pins;                /* bases that a pin names */
byte pinned;              /* the base whose pinner was told that it holds */
int pinned_files;

#define SOUND(base) ((base) == 0 || (names[base] & ~files) == 0)
inline check()
{
    assert(SOUND(greatest) && SOUND(second));
    assert(pinned == 0 || ((listed & BIT(pinned)) != 0 && names[pinned] == pinned_files));
    assert((pinned_files & ~files) == 0);
    k = 1;
    do
    :: k <= NUMBERS -> assert((listed & prompt & BIT(k)) == 0 || SOUND(k)); k++
    :: else -> break
    od;
    k = 0
}

/* The link of bases/<n>. */
inline publish(n, its_files)
{
#ifdef OVERWRITE
    if
    :: true ->
#else
    if
    :: (listed & BIT(n)) == 0 ->
#endif
       printf("  bases/%d is published: files 0x%x, there are 0x%x\n", n, its_files, files);
       listed = listed | BIT(n);
       names[n] = its_files;
       if
       :: n > greatest -> second = greatest; greatest = n; prompt = prompt | BIT(n)
       :: n == greatest
       :: else -> prompt = prompt & ~BIT(n); second = (n > second -> n : second)
       fi;
       check()
    :: else
    fi
}

/* Below the KEPT greatest. */
inline list_victims(out)
{
    out = listed & ~(BIT(greatest) | (second > 0 -> BIT(second) : 0))
}

/* The files that these bases name. */
inline list_used(bases, out)
{
    k = 1;
    do
    :: k <= NUMBERS -> if :: bases & BIT(k) -> out = out | names[k] :: else fi; k++
    :: else -> break
    od;
    k = 0
}

/* Files with a number up to n. */
inline list_up_to(n, out)
{
    k = 1;
    do
    :: k <= n ->
       out = out | FILE(0, k) | FILE(1, k) | FILE(2, k);
       k++
    :: else -> break
    od;
    k = 0
}

/* A rewrite, or a roll-up, of somebody who found the head n a while ago. */
inline others_publish(n)
{
    if
    :: d_step {
           n <= top && (by_others & BIT(n)) == 0 && (listed & BIT(n)) == 0 ->
           printf("others rewrite %d\n", n);
           by_others = by_others | BIT(n);
           files = files | FILE(0, n);
           publish(n, FILE(0, n))
       }
    :: d_step {
           n <= top && (by_others & BIT(n)) == 0 && n > greatest && greatest > 0 ->
           printf("others roll up %d\n", n);
           by_others = by_others | BIT(n);
           files = files | FILE(0, n);
           publish(n, names[greatest] | FILE(0, n))
       }
    fi
}

active proctype others()
{
    byte k;
    int used, some;

end:
    do
    :: d_step { top < NUMBERS -> top++; printf("others append %d\n", top) }
    :: others_publish(1)
    :: others_publish(2)
    :: others_publish(3)
#if NUMBERS > 3
    :: others_publish(4)
#endif
#if NUMBERS > 4
    :: others_publish(5)
#endif
    :: d_step {
           second > 0 ->
           list_victims(some);
           some = some & ~pins;
           if :: some -> printf("others remove bases 0x%x\n", some) :: else fi;
           listed = listed & ~some;
           some = 0;
           check()
       }
    :: d_step {
           second > 0 ->
#ifndef NO_TEMPS
           temps = 0;
#endif
           used = 0;
           some = 0;
           list_used((listed | pins), used);
           list_up_to(second, some);
           some = some & files & ~used;
           if :: some -> printf("others remove files 0x%x\n", some) :: else fi;
           files = files & ~some;
           used = 0;
           some = 0;
           check()
       }
    od
}

/* bases/<n>, made from base `parent`, naming its_files, when FILE(me, n) is there. */
inline publish_from()
{
    d_step { temps = temps | BIT(me); printf("maker %d: its manifest is in tmp/\n", me) }
#ifndef NO_CHECK
    d_step {
        printf("maker %d: looks: the greatest base is %d\n", me, greatest);
#ifdef CHECK_LISTED
        parent = ((listed & BIT(parent)) != 0 -> 1 : 0)
#else
        parent = (greatest == parent -> 1 : 0)
#endif
    }
    if
    :: d_step { parent == 0 -> its_files = 0; n = 0 } goto over
    :: else
    fi;
#endif
    d_step {
        printf("maker %d: link\n", me);
        if
        :: temps & BIT(me) -> publish(n, its_files)
        :: else
        fi
    }
    d_step {
        printf("maker %d: the same link, asked again\n", me);
        if
        :: temps & BIT(me) -> publish(n, its_files)
        :: else
        fi
    }
over:
    skip;
    d_step { n = 0; parent = 0; its_files = 0 }
}

/* A roll-up: what the base it was made from names, and a file of its own. */
proctype roller(byte me)
{
    byte parent, n, k;
    int its_files;

    d_step {
        top > greatest && greatest > 0 ->
        parent = greatest;
        n = top;
        its_files = names[greatest] | FILE(me, top);
        printf("maker %d: a pass from base %d to %d\n", me, parent, n)
    }
    d_step { files = files | FILE(me, n); printf("maker %d: its file is there\n", me) }
    publish_from()
}

/* A rewrite; when bases passed it, one more base names its file, under a name of that base's number. */
proctype rewriter(byte me)
{
    byte n, k;
#ifdef PASSED
    byte parent, own;
    int its_files;
#endif

    d_step { top > greatest -> n = top; printf("maker %d: a rewrite of 1 to %d\n", me, n) }
    d_step { files = files | FILE(me, n); printf("maker %d: its file is there\n", me) }
    d_step { printf("maker %d: link\n", me); publish(n, FILE(me, n)) }
#ifdef PASSED
    d_step {
        top > greatest && greatest > n ->
        parent = greatest;
        own = n;
        n = top;
        printf("maker %d: passed; a pass from base %d to %d\n", me, parent, n)
    }
    if
    :: d_step {
           files & FILE(me, own) ->
#ifdef NO_OWN_NAME
           its_files = FILE(me, own);
#else
           its_files = FILE(me, n);
           files = files | its_files;
#endif
           own = 0;
           printf("maker %d: its snapshot is there, as 0x%x\n", me, its_files)
       }
    :: else -> n = 0; parent = 0; own = 0; goto over
    fi;
    publish_from()
#else
    n = 0
#endif
}

inline look_at_pins()
{
    d_step { kept = pins; printf("deleter: lists pins 0x%x\n", kept) }
}

inline remove_names()
{
    d_step {
        printf("deleter: removes bases 0x%x\n", wants & ~kept);
        listed = listed & ~(wants & ~kept);
        wants = 0;
        check()
    }
}

inline look_again()
{
#ifndef NO_TEMPS
    d_step { temps = 0; printf("deleter: removes temps\n") }
#endif
    d_step {
        stays = (listed | kept) & ~(wants & ~kept);
        printf("deleter: lists bases again: 0x%x\n", listed);
#ifndef NO_SECOND_LOOK
        if :: was != greatest -> stays = 0 :: else fi
#endif
    }
}

/* Not those that a base in `stays` names; none when a manifest of one cannot be read. */
inline remove_files()
{
    d_step {
        if
        :: stays != 0 && (stays & ~listed) == 0 ->
           list_used(stays, used);
           list_up_to(limit, gone);
           gone = gone & files & ~used
        :: else
        fi;
        used = 0;
        printf("deleter: wants files 0x%x\n", gone)
    }
    d_step {
        printf("deleter: removes files 0x%x\n", gone);
        files = files & ~gone;
        gone = 0;
        check()
    }
}

proctype deleter()
{
    byte k, was, limit, wants, kept, stays;
    int used, gone;

#ifdef PINS_FIRST
    look_at_pins();
#endif
    d_step {
        second > 0 ->
        was = greatest;
        limit = second;
#ifdef NO_NUMBER
        limit = NUMBERS;
#endif
        list_victims(wants);
        printf("deleter: lists bases 0x%x, wants 0x%x\n", listed, wants)
    }
#ifndef PINS_FIRST
    look_at_pins();
#endif
#ifdef FILES_FIRST
    look_again();
    remove_files();
    remove_names();
#else
    remove_names();
    look_again();
    remove_files();
#endif
    d_step { was = 0; limit = 0; kept = 0; stays = 0 }
}

proctype pinner()
{
    byte base, k;
    bool holds;

    d_step { greatest > 0 -> base = greatest; printf("pinner: base %d\n", base) }
    d_step { pins = pins | BIT(base); printf("pinner: its pin is there\n") }
    d_step {
        printf("pinner: looks: bases 0x%x\n", listed);
#ifdef NO_RECHECK
        holds = true;
#else
#ifdef PIN_LISTED
        holds = (listed & BIT(base)) != 0;
#else
        holds = greatest == base;
#endif
#endif
        if
        :: holds -> pinned = base; pinned_files = names[base]; check()
        :: else -> pins = pins & ~BIT(base)
        fi;
        base = 0;
        holds = false
    }
}

init
{
    atomic {
        byte i = 0;
        do :: i < ROLLERS -> i++; run roller(i) :: else -> break od;
        do :: i < ROLLERS + REWRITERS -> i++; run rewriter(i) :: else -> break od;
        i = 0;
        do :: i < DELETERS -> i++; run deleter() :: else -> break od;
        i = 0;
        do :: i < PINNERS -> i++; run pinner() :: else -> break od;
        i = 0
    }
}
