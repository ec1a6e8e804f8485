/*
 * writes.pml: creates on their way to FPT, with rival senders, lost replies, look-ups (design §7; the
 * outbox's records, lib/FORMAT.md) for SPIN. The outbox's log is one order of records, each appended
 * after a check with the log at its head: log.pml's subject, one step here.
 *
 * All events are creates of equal values: the hardest case for a look-up. Each SENDER works on all of them,
 * may pause before each step for any time, or for ever (a crash). FPT works on when nobody waits any more,
 * ends a request with a row or with a refusal, and anybody may never hear of it.
 *
 * Time is a step of nobody: the window in which an attempt may be sent closes; then, when FPT has ended
 * what was sent in it, the quiet period is over. That FPT ends a request within the quiet period is what
 * is assumed of FPT: SLOW takes it away; GAP is a host that stops between its last check and the wire.
 *
 * With a marker field a row says whose it is. MATCH: it does not, and rows are told by their values: then two
 * events of equal values may change places, and what counts is that each has a row of its own.
 *
 * Asserted, where a step could break it:
 *   - no event has two rows (MATCH: there are no more rows than events that were attempted);
 *   - a settled event has a row, its own (MATCH: nobody else's), and none that was there before.
 * check.py says what each flag takes out.
 */
#ifndef EVENTS
#define EVENTS 1
#endif
#ifndef SENDERS
#define SENDERS 2
#endif
#ifndef TRIES
#define TRIES 2 /* attempts of one event */
#endif
#ifndef STRANGERS
#define STRANGERS 0 /* rows of equal values that others write past the cache */
#endif
#ifndef RETRIES
#define RETRIES 0 /* decisions to send a refused write again */
#endif
#ifndef DELETIONS
#define DELETIONS 0 /* rows that somebody deletes at once */
#endif

#define ROWS (1 + EVENTS * TRIES + STRANGERS)
#define BIT(r) (1 << (r))
#define SEVERAL 255
#define OLD 1 /* a row of equal values that was there before the intents */

/* a write: what the outbox says */
#define INTENT 0
#define OPEN 1 /* attempted, no known end */
#define SETTLED 2
#define REFUSED 3
#define UNCERTAIN 4 /* several rows may be its own: for a person */
/* a request */
#define UNSENT 0
#define FLYING 1
#define DENIED 2
#define DONE 3

typedef Event {
    byte state;
    byte attempts;
    byte row;    /* that a settle names */
    bit window;  /* of the last attempt */
    bit quiet;   /* the last attempt's quiet period is over */
    byte flying; /* requests at FPT: what nobody sees */
    byte rows;   /* made of it: what nobody sees */
};
Event ev[EVENTS];

byte fate[EVENTS * TRIES]; /* of each attempt */
byte made[EVENTS * TRIES];  /* its row */
byte owner[ROWS + 1];       /* row -> 1 + event; 0: of nobody here */
byte last_row = OLD;
short retired; /* rows that somebody deleted since */
byte retries, strangers, deletions;
byte attempted;             /* events */
byte own_rows;

#define SLOT(e, n) ((e) * TRIES + (n) - 1)
#define IS_LAST(e, n) (ev[e].state == OPEN && ev[e].attempts == (n))
#if EVENTS > 1
#define IS_NAMED(r) (ev[0].row == (r) || ev[1].row == (r))
#else
#define IS_NAMED(r) (ev[0].row == (r))
#endif

#ifdef NO_CLAIM
#define MAY_BEGIN(e) (ev[e].state == INTENT || ev[e].state == OPEN)
#else
#define MAY_BEGIN(e) (ev[e].state == INTENT)
#endif
#ifdef NO_NEXT
#define MAY_BEGIN_AFTER(e, n) (ev[e].state == OPEN)
#else
#define MAY_BEGIN_AFTER(e, n) IS_LAST(e, n)
#endif
/* A create of equal values whose end is not known either: while it is not quiet, no match says whose a row is. */
#if EVENTS > 1 && defined(MATCH)
#define HAS_RIVAL(e) (ev[1 - (e)].state == OPEN)
#else
#define HAS_RIVAL(e) false
#endif
#define MAY_MATCH(e) (!HAS_RIVAL(e) || ev[1 - (e)].quiet)
#ifdef NO_QUIET
#define MAY_LOOK_UP(e) (ev[e].state == OPEN)
#else
#define MAY_LOOK_UP(e) (ev[e].state == OPEN && ev[e].quiet)
#endif
#ifdef NO_WINDOW
#define MAY_SEND(e, n) true
#else
#define MAY_SEND(e, n) (ev[e].window && ev[e].attempts == (n))
#endif
#ifdef SLOW
#define HAS_ENDED(e) true
#else
#define HAS_ENDED(e) (ev[e].flying == 0)
#endif
#ifdef NO_LAST
#define MAY_SETTLE(e, n) (ev[e].state != SETTLED)
#else
#define MAY_SETTLE(e, n) IS_LAST(e, n)
#endif
#ifdef NO_UNIQUE
#define IS_FREE(r) true
#else
#define IS_FREE(r) (!IS_NAMED(r))
#endif
#ifdef TOLD_FIRST
#define MAY_TELL(r) true
#else
#define MAY_TELL(r) IS_FREE(r)
#endif
#ifdef LATE_REFUSAL
#define MAY_REFUSE(e, n) (ev[e].state == OPEN)
#else
#define MAY_REFUSE(e, n) IS_LAST(e, n)
#endif
#ifdef NO_KNOWN
#define FIRST_ROW OLD
#else
#define FIRST_ROW (OLD + 1)
#endif
#ifdef NO_RETIRED
#define IS_SEEN(r) ((retired & BIT(r)) == 0)
#else
#define IS_SEEN(r) true
#endif
#ifdef MATCH
#define IS_LIKE(e, r) true
#define HAS_ITS_ROWS(e) (own_rows <= attempted)
#else
#define IS_LIKE(e, r) (owner[r] == (e) + 1)
#define HAS_ITS_ROWS(e) (ev[e].rows <= 1)
#endif

inline attempt(e, out)
{
    if
    :: ev[e].attempts == 0 -> attempted++
    :: else
    fi;
    ev[e].attempts++;
    ev[e].state = OPEN;
    ev[e].window = 1;
    ev[e].quiet = 0;
    out = ev[e].attempts
}

inline settle(e, r)
{
    ev[e].state = SETTLED;
    ev[e].row = r;
    ev[e].window = 0;
    ev[e].quiet = 0;
    assert(owner[r] != 0);
#ifdef MATCH
#if EVENTS > 1
    assert(ev[0].row == 0 || ev[0].row != ev[1].row);
#endif
#else
    assert(owner[r] == e + 1);
#endif
}

inline put_on_wire(e, n)
{
    fate[SLOT(e, n)] = FLYING;
    ev[e].flying++
}

/* Rows that may be e's, of what FPT says and what the log has said before: the first, as long as there are no more
   than creates that may have made them. */
inline look_up(e, out)
{
    out = 0;
    n_found = 0;
    r = FIRST_ROW;
    do
    :: r <= last_row ->
        if
        :: IS_LIKE(e, r) && IS_SEEN(r) && !IS_NAMED(r) -> out = (out == 0 -> r : out); n_found++
        :: else
        fi;
        r++
    :: else -> break
    od;
    if
    :: n_found > 1 + HAS_RIVAL(e) -> out = SEVERAL
    :: else
    fi;
    r = 0;
    n_found = 0
}

#define forget d_step { e = 0; n = 0; found = 0 }

active [SENDERS] proctype Sender()
{
    byte e, r, n, found, n_found;

choose:
    if
    :: d_step { MAY_BEGIN(0) && ev[0].attempts < TRIES -> attempt(0, n) } goto send
    :: d_step { MAY_LOOK_UP(0) -> n = ev[0].attempts; look_up(0, found) } goto decide
#if EVENTS > 1
    :: d_step { MAY_BEGIN(1) && ev[1].attempts < TRIES -> e = 1; attempt(1, n) } goto send
    :: d_step { MAY_LOOK_UP(1) -> e = 1; n = ev[1].attempts; look_up(1, found) } goto decide
#endif
    fi;

decide: /* what a look-up means, with the log at its head */
    if
    :: d_step { found == 0 && MAY_BEGIN_AFTER(e, n) && ev[e].attempts < TRIES -> attempt(e, n) } goto send
    :: d_step { found > 0 && found < SEVERAL && MAY_SETTLE(e, n) && IS_FREE(found) && MAY_MATCH(e) -> settle(e, found) }
    :: d_step { found == SEVERAL && IS_LAST(e, n) -> ev[e].state = UNCERTAIN }
    :: else
    fi;
    forget;
    goto choose;

send:
    if
#ifdef GAP
    :: MAY_SEND(e, n) -> d_step { put_on_wire(e, n) }
#else
    :: d_step { MAY_SEND(e, n) -> put_on_wire(e, n) }
#endif
    :: !MAY_SEND(e, n) -> forget; goto choose
    fi;

    if /* the reply, at once or late */
    :: d_step { fate[SLOT(e, n)] == DONE && ev[e].state != SETTLED && MAY_TELL(made[SLOT(e, n)]) ->
        settle(e, made[SLOT(e, n)]) }
    :: d_step { fate[SLOT(e, n)] == DENIED && MAY_REFUSE(e, n) -> ev[e].state = REFUSED }
    :: true /* lost, or of no use any more */
    fi;
    forget;
    goto choose
}

#define end_request(e, n) \
    :: d_step { fate[SLOT(e, n)] == FLYING -> \
        last_row++; \
        owner[last_row] = e + 1; \
        fate[SLOT(e, n)] = DONE; \
        made[SLOT(e, n)] = last_row; \
        ev[e].flying--; \
        ev[e].rows++; \
        own_rows++; \
        assert(HAS_ITS_ROWS(e)) \
    } \
    :: d_step { fate[SLOT(e, n)] == FLYING -> fate[SLOT(e, n)] = DENIED; ev[e].flying-- }

/* FPT, time, and people. */
active proctype World()
{
    do
    end_request(0, 1)
    end_request(0, 2)
#if TRIES > 2
    end_request(0, 3)
#endif
    :: d_step { ev[0].state == OPEN && ev[0].window -> ev[0].window = 0 }
    :: d_step { ev[0].state == OPEN && !ev[0].window && !ev[0].quiet && HAS_ENDED(0) -> ev[0].quiet = 1 }
#if EVENTS > 1
    end_request(1, 1)
    end_request(1, 2)
#if TRIES > 2
    end_request(1, 3)
#endif
    :: d_step { ev[1].state == OPEN && ev[1].window -> ev[1].window = 0 }
    :: d_step { ev[1].state == OPEN && !ev[1].window && !ev[1].quiet && HAS_ENDED(1) -> ev[1].quiet = 1 }
#endif
#if STRANGERS > 0
    :: d_step { strangers < STRANGERS -> strangers++; last_row++ }
#endif
#if DELETIONS > 0
    :: d_step { deletions < DELETIONS && last_row > OLD && (retired & BIT(last_row)) == 0 ->
        deletions++; retired = retired | BIT(last_row) }
#endif
#if RETRIES > 0
    :: d_step { ev[0].state == REFUSED && retries < RETRIES -> retries++; ev[0].state = INTENT }
#endif
    od
}
