/*
 * log.pml: the log of a partition (design §3: bases, pass, append; lib/store/append.c, pass.c, compact.c,
 * retire.c) for SPIN. What files a base names is files.pml's subject: here a base is a number.
 *
 * The processes WRITERS, COMPACTORS, READERS and DROPPERS may pause before each step for any time, or for
 * ever (a crash). `others` is everybody who is fast: appends, compacts, deletes, all in one step. There
 * are no clocks: what may be deleted may be deleted at once. Nobody believes what a link answered: it
 * may have been done, refused, or done twice, long after one another.
 *
 * real[n] is the commit that was linked as number n first: the history. A name that is linked again, after
 * n was deleted, is a ghost. So a state needs no more than its number: it is right as long as each
 * commit that goes into it is the real one. Properties, asserted where a step could break them:
 *   - an acknowledged commit is in the history, once since the last drop: none lost, none twice;
 *   - what a pass accepts, and what a base stands for, is the history up to a number;
 *   - a pass that ends knows at least the head at its beginning: no reader goes back or is frozen;
 *   - numbers never restart: the history has no gaps.
 * check.py says what each flag takes out.
 */
#ifndef NUMBERS
#define NUMBERS 4
#endif
#ifndef WRITERS
#define WRITERS 0
#endif
#ifndef COMPACTORS
#define COMPACTORS 0
#endif
#ifndef READERS
#define READERS 0
#endif
#ifndef DROPPERS
#define DROPPERS 0
#endif
#define KEPT 2 /* names that stay in bases/; eight in the library */

#define OTHERS 7 /* a commit of a fast writer */
#define GHOST 5  /* ... of somebody who slept between his pass and his link */
#define DROP 6   /* the commit that drops everything before it */
#define BIT(n) (1 << ((n) - 1))

byte commits[NUMBERS + 2]; /* log/: number -> whose commit; 0: no such name */
byte real[NUMBERS + 2];
byte top;       /* the head: the history's last number */
byte listed;    /* names in bases/ */
byte greatest;  /* of them */
byte second;
#ifdef NO_BASES
byte last_base; /* the one that was published last */
#endif
#ifdef BEHIND
byte latest;    /* the base whose publication was the last change of bases/; 0: another change */
#endif
#ifdef NO_GRACE
#define DOOMED 255
#else
#define DOOMED doomed
#endif
#if defined(BEHIND) && !defined(DROP_AT_ONCE)
#define HAS_CHANGED_SINCE (latest == 0)
#else
#define HAS_CHANGED_SINCE true
#endif
#ifdef TORN
byte running;   /* listings that have begun and not ended */
byte doomed;    /* names that all of these have seen below the KEPT greatest */
#endif

/* One look at bases/: the greatest name there. */
inline list_bases(out)
{
#ifdef TORN
    /* Name by name: the greatest first, which is the worst order. */
    d_step { running++; out = NUMBERS }
    do
    :: d_step { out > 0 && (listed & BIT(out)) == 0 -> out-- }
    :: d_step { out == 0 || (listed & BIT(out)) != 0 -> running-- } break
    od
#else
#ifdef BEHIND
    if
    :: d_step { out = greatest }
    :: d_step { latest != 0 && latest == greatest -> out = second }
    fi
#else
#ifdef NO_BASES
    d_step { out = last_base }
#else
    d_step { out = greatest }
#endif
#endif
#endif
}

/* The link of log/<n>. */
inline link_commit(n, whose)
{
    if
#ifdef OVERWRITE
    :: true ->
#else
    :: commits[n] == 0 ->
#endif
       commits[n] = whose;
       if
       :: real[n] == 0 ->
          printf("  log/%d is linked by %d\n", n, whose);
          real[n] = whose;
          assert(n == top + 1);
          top = n
       :: else -> printf("  log/%d is linked by %d: a ghost, it was %d\n", n, whose, real[n])
       fi
    :: else
    fi
}

/* The link of bases/<n>. */
inline publish(n)
{
    if
    :: (listed & BIT(n)) == 0 ->
       printf("  bases/%d is published\n", n);
       listed = listed | BIT(n);
       if
       :: n > greatest -> second = greatest; greatest = n
       :: n < greatest && n > second -> second = n
       :: else
       fi;
#ifdef NO_BASES
       last_base = n;
#endif
#ifdef BEHIND
       latest = n;
#endif
       skip
    :: else
    fi
}

/* Whether `whose` is in the history up to n, since the last drop. */
inline look_for(whose, n, out)
{
    i = n;
    out = false;
    do
    :: i > 0 && real[i] != DROP -> out = out || real[i] == whose; i--
    :: else -> break
    od;
    out = out || (i > 0 && whose == DROP);
    i = 0
}

active proctype others()
{
    byte i;

end:
    do
    :: d_step { top < NUMBERS -> printf("others append\n"); link_commit(top + 1, OTHERS) }
    :: d_step { top > greatest -> printf("others compact\n"); publish(top) }
    :: d_step {
           top > 1 && (listed & BIT(top - 1)) == 0 ->
           printf("others compact, late\n");
           publish(top - 1)
       }
    :: d_step {
           top > 2 && (listed & BIT(top - 2)) == 0 ->
           printf("others compact, late\n");
           publish(top - 2)
       }
    :: atomic {
           /* a name that is free again */
           greatest > 0 ->
           i = greatest;
           do
           :: i > 1 -> i--
           :: commits[i] == 0 -> printf("others link log/%d, late: a ghost\n", i); commits[i] = GHOST; break
           :: i == 1 && commits[1] != 0 -> break
           od;
           i = 0
       }
    :: atomic {
           /* no name above the second greatest base; any below, in any order */
           second > 0 ->
#ifdef NEWEST
           i = greatest;
#else
           i = second;
#endif
           do
           :: i > 1 -> i--
           :: commits[i] != 0 -> printf("others delete log/%d\n", i); commits[i] = 0; break
           :: i == 1 && commits[1] == 0 -> break
           od;
           i = 0
       }
    :: d_step {
#ifdef TORN
           (listed & DOOMED & ~(BIT(greatest) | (second > 0 -> BIT(second) : 0))) != 0 ->
           printf("others remove old bases\n");
           listed = listed & (~DOOMED | BIT(greatest) | (second > 0 -> BIT(second) : 0))
#else
           (listed & ~(BIT(greatest) | (second > 0 -> BIT(second) : 0))) != 0 ->
           printf("others remove old bases\n");
           listed = listed & (BIT(greatest) | (second > 0 -> BIT(second) : 0));
#ifdef BEHIND
           latest = 0
#endif
#endif
       }
#ifdef TORN
    :: d_step {
           running == 0 && second > 0 ->
           doomed = listed & ~(BIT(greatest) | BIT(second)) /* a grace is longer than a listing */
       }
#endif
#ifdef DROPS
    :: d_step {
           top < NUMBERS ->
           printf("others drop\n");
           link_commit(top + 1, DROP);
           publish(top)
       }
    :: d_step {
           greatest > 0 && real[greatest] == DROP && listed != BIT(greatest) ->
           printf("others remove all bases below the drop\n");
           listed = BIT(greatest);
           second = 0;
#ifdef BEHIND
           latest = 0
#endif
       }
    :: d_step {
           /* the names went first; without any, one was made and removed */
           greatest > 0 && real[greatest] == DROP && listed == BIT(greatest) && HAS_CHANGED_SINCE ->
           printf("others delete all commits up to the drop\n");
           i = greatest;
           do
           :: i > 0 -> commits[i] = 0; i--
           :: else -> break
           od;
           i = 0
       }
#endif
#if defined(DROPS) && defined(BEHIND)
    :: d_step { latest > 0 -> printf("others make and remove a name in bases/\n"); latest = 0 }
#endif
#ifdef RESTART
    :: d_step {
           top > 0 ->
           printf("others drop the partition: directory and all\n");
           do
           :: top > 0 -> commits[top] = 0; real[top] = 0; top--
           :: else -> break
           od;
           listed = 0;
           greatest = 0;
           second = 0
       }
#endif
    od
}

#ifdef WEAK_PASS
#define HAS_PASSED (base > at)
#else
#define HAS_PASSED (base > known)
#endif

/* Rule 2. known: the number whose state the process has, perhaps since long. */
inline pass()
{
    do
    :: at = known;
       do
       :: atomic {
              at < NUMBERS && commits[at + 1] != 0 ->
              at++;
              ghost = ghost || commits[at] != real[at];
              printf("%d: reads log/%d: %d\n", _pid, at, commits[at])
          }
       :: atomic { at == NUMBERS || commits[at + 1] == 0 -> printf("%d: finds no log/%d\n", _pid, at + 1) }
          break
       od;
#ifdef NO_PASS
       base = known;
#else
       list_bases(base);
#endif
       if
       :: d_step {
              HAS_PASSED ->
              printf("%d: starts from base %d\n", _pid, base);
              known = base;
              base = 0;
              at = 0;
              ghost = false
          }
       :: d_step {
              !HAS_PASSED ->
              printf("%d: base %d: is at %d\n", _pid, base, at);
              assert(!ghost); /* what it accepts is the history */
              known = at;
              base = 0;
              at = 0
          }
          break
       fi
    od;
    skip
}

/* Rule 3. */
proctype writer(byte me)
{
    byte known, at, base, i;
    bool ghost, mine, done;

    do
    :: pass();
       d_step {
#ifdef NO_SEARCH
           done = false;
#else
           look_for(me, known, done);
#endif
           if :: done -> printf("writer %d: finds its commit\n", me) :: else fi
       }
       if
       :: done || known == NUMBERS -> break
       :: else
       fi;
#ifdef CHECK_FIRST
       list_bases(base);
#endif
       d_step { printf("writer %d: link %d\n", me, known + 1); link_commit(known + 1, me) }
       if
       :: skip
       :: d_step { printf("writer %d: the same link, asked again\n", me); link_commit(known + 1, me) }
       fi;
       d_step { mine = commits[known + 1] == me; printf("writer %d: looks: is it mine? %d\n", me, mine) }
#ifdef NO_APPEND
       base = 0;
#else
#ifndef CHECK_FIRST
       list_bases(base);
#endif
#endif
       if
       :: d_step {
              base <= known && mine ->
              known++;
              done = true;
              printf("writer %d: acknowledged as %d\n", me, known);
              assert(real[known] == me)
          }
          break
       :: d_step { base > known || !mine -> printf("writer %d: base %d: not acknowledged\n", me, base); mine = false; base = 0 }
       fi
    od;
    skip;
    d_step {
        /* once, and no more */
        if
        :: done ->
           i = top;
           mine = false;
           do
           :: i > 0 && real[i] != DROP -> assert(real[i] != me || !mine); mine = mine || real[i] == me; i--
           :: else -> break
           od
        :: else
        fi;
        i = 0; mine = false; base = 0; known = 0; done = false
    }
}

/* Its base says what its pass vouched for. */
proctype compactor()
{
    byte known, at, base, i;
    bool ghost;

    do
    :: list_bases(known);
       pass();
       d_step {
           if :: known > 0 -> printf("compactor: publishes %d\n", known); publish(known) :: else fi;
           known = 0
       }
    od
}

#ifdef BEHIND
#define IS_FRESH skip /* it may be one change late */
#else
#define IS_FRESH assert(known >= due)
#endif

/* Holds what it knows for as long as it likes, or begins anew. */
proctype reader()
{
    byte known, at, base, due, i;
    bool ghost;

    do
    :: due = top;
       pass();
       d_step { printf("reader: knows %d\n", known); IS_FRESH; due = 0 }
    :: known > 0 -> list_bases(known)
    od
}

/* A drop is a commit like any other, and then a base that holds nothing but it. */
proctype dropper()
{
    byte known, at, base, i;
    bool ghost, mine;

    do
    :: pass();
       if :: known == NUMBERS -> goto over :: else fi;
       d_step { printf("dropper: link %d\n", known + 1); link_commit(known + 1, DROP) }
       d_step { mine = commits[known + 1] == DROP }
#ifdef NO_PROOF
       base = 0;
#else
       list_bases(base);
#endif
       if
       :: d_step {
              base <= known && mine ->
              known++;
              printf("dropper: publishes %d, empty\n", known);
              assert(real[known] == DROP)
          }
          publish(known);
          break
       :: else -> d_step { mine = false; base = 0 }
       fi
    od;
over:
    skip
}

init
{
    atomic {
        byte n = 0;
        do :: n < WRITERS -> n++; run writer(n) :: else -> break od;
        n = 0;
        do :: n < COMPACTORS -> n++; run compactor() :: else -> break od;
        n = 0;
        do :: n < READERS -> n++; run reader() :: else -> break od;
        n = 0;
        do :: n < DROPPERS -> n++; run dropper() :: else -> break od;
        n = 0
    }
}
