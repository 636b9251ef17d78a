/* One slot of a circle of four: three honest voters and one that votes for everything.
 *
 * Votes accumulate, and an honest voter may act on any certificate that exists, or never: that covers
 * loss, delay, reordering, duplication, any leader and any order of views, since nothing here asks
 * which view is open. The Byzantine voter is folded into NEED: whatever is counted, it voted for it.
 * Values are 1 and 2. The voters are kept in order, since which of them did what makes no difference.
 *
 * Rules: CIR-017 (one NOTARIZE per view), CIR-018 (NULLIFY excludes FINALIZE and the reverse), CIR-023
 * (V2, V3: every view skipped was nullified, down to one that notarized this value), CIR-046 (a
 * FINALIZE needs a notarization), CIR-020 (an own vote counts when it is signed).
 * Claims: no two values are decided (CIR-002, CIR-040); no view has two notarized values, or is both
 * nullified and finalized (I3).
 *
 * With CRASH a voter has a memory, a journal and the air. A turn signs votes in memory; what is new goes
 * to the journal, and only from there to the air (CIR-050). Power may fail between any two of these:
 * then memory is what the journal holds, counted again (CIR-020), and what was durable may be sent later.
 * Each FAULT leaves one rule out; README.md says how to follow what it leads to.
 */

#ifndef VIEWS
#define VIEWS 3
#endif
#ifndef HONEST
#define HONEST 3
#endif
#ifndef NEED
#define NEED 2          /* q = 3, less the one who votes for everything */
#endif

/* Five bits a view: NOTARIZE of value 1 and 2, NULLIFY, FINALIZE of value 1 and 2. */
#define N(v, b) ((b) << (5 * (v)))
#define X(v) (4 << (5 * (v)))
#define F(v, b) ((b) << (5 * (v) + 3))

short known[HONEST];        /* the votes a voter knows it signed: its memory */
#ifdef CRASH
short journal[HONEST];      /* those that outlast a loss of power */
short air[HONEST];          /* those that others can have */
#else
#define air known
#endif

#define HAS(me, i, m) (((i) == (me) -> known[i] & (m) : air[i] & (m)) != 0)
#if HONEST == 3
#define COUNT(me, m) (HAS(me, 0, m) + HAS(me, 1, m) + HAS(me, 2, m))
#else
#define COUNT(me, m) (HAS(me, 0, m) + HAS(me, 1, m))
#endif
#define CERTIFIED(me, m) (COUNT(me, m) >= NEED)
#define NOBODY 9

/* What is carried must be the value that was notarized; the fault carries any other as well. */
#ifdef FAULT_CARRIED_UNSEEN
#define CARRIED(me, v, b) (CERTIFIED(me, N(v, 1)) || CERTIFIED(me, N(v, 2)))
#else
#define CARRIED(me, v, b) CERTIFIED(me, N(v, b))
#endif

#ifdef FAULT_SKIPPED_VIEWS
#define JUSTIFIED_1(me, b) true
#define JUSTIFIED_2(me, b) true
#else
#define JUSTIFIED_1(me, b) (CARRIED(me, 0, b) || CERTIFIED(me, X(0)))
#define JUSTIFIED_2(me, b) \
	(CARRIED(me, 1, b) || (CERTIFIED(me, X(1)) && JUSTIFIED_1(me, b)))
#endif
#define JUSTIFIED_0(me, b) true

#ifdef FAULT_BOTH_ALLOWED
#define BARS_F(v) F(v, 3)
#define BARS_X(v) X(v)
#else
#define BARS_F(v) (F(v, 3) | X(v))
#define BARS_X(v) (F(v, 3) | X(v))
#endif

#ifdef FAULT_TWO_NOTARIZED
#define BARS_N(v, b) N(v, b)
#else
#define BARS_N(v, b) N(v, 3)
#endif

#ifdef FAULT_FINALIZE_UNNOTARIZED
#define MAY_FINALIZE(me, v, b) true
#else
#define MAY_FINALIZE(me, v, b) CERTIFIED(me, N(v, b))
#endif

#ifdef FAULT_SENT_BEFORE_DURABLE
#define SENDABLE(me) known[me]
#else
#define SENDABLE(me) journal[me]
#endif

#ifdef FAULT_RESTART_FORGETS
#define REPLAYED(me) 0
#else
#define REPLAYED(me) journal[me]
#endif

/* One vote at a time is only in memory: nobody else sees it, so what others do meanwhile they can as well do
 * before, and to lose several is never to have signed them. All of the journal is sent at once: who
 * misses a part of it acts as if it had not been sent. */
#ifdef CRASH
#define IS_SAVED(i) ((known[i] | journal[i]) == journal[i])
#if HONEST == 3
#define READY (IS_SAVED(0) && IS_SAVED(1) && IS_SAVED(2))
#else
#define READY (IS_SAVED(0) && IS_SAVED(1))
#endif
#define STEPS(me) \
	:: d_step { !IS_SAVED(me) -> journal[me] = journal[me] | known[me]; \
		printf("voter %d writes its journal\n", me); SORT } \
	:: d_step { (SENDABLE(me) | air[me]) != air[me] -> air[me] = air[me] | SENDABLE(me); \
		printf("voter %d sends what it may\n", me); SAFE; SORT } \
	:: d_step { known[me] != REPLAYED(me) -> known[me] = REPLAYED(me); \
		printf("voter %d loses power and restarts\n", me); SORT }
#else
#define READY true
#define STEPS(me)
#endif

/* What is printed appears when Spin follows a trail, and costs the search nothing. */
#define SIGN(me, m) known[me] = known[me] | m; SAFE; SORT
#define NOTARIZE(me, v, b) :: d_step { READY && !(known[me] & BARS_N(v, b)) \
	&& JUSTIFIED_##v(me, b) -> \
	printf("voter %d: NOTARIZE of value %d in view %d\n", me, b, v + 1); SIGN(me, N(v, b)) }
#define NULLIFY(me, v) :: d_step { READY && !(known[me] & BARS_X(v)) -> \
	printf("voter %d: NULLIFY of view %d\n", me, v + 1); SIGN(me, X(v)) }
#define FINALIZE(me, v, b) :: d_step { READY && !(known[me] & BARS_F(v)) \
	&& MAY_FINALIZE(me, v, b) -> \
	printf("voter %d: FINALIZE of value %d in view %d\n", me, b, v + 1); SIGN(me, F(v, b)) }
#define VIEW(me, v) NOTARIZE(me, v, 1) NOTARIZE(me, v, 2) NULLIFY(me, v) \
	FINALIZE(me, v, 1) FINALIZE(me, v, 2)

#if VIEWS == 3
#define VOTER(me) VIEW(me, 0) VIEW(me, 1) VIEW(me, 2) STEPS(me)
#define ANY_VIEW(what) (what(0) || what(1) || what(2))
#else
#define VOTER(me) VIEW(me, 0) VIEW(me, 1) STEPS(me)
#define ANY_VIEW(what) (what(0) || what(1))
#endif

#define DECIDED_1(v) CERTIFIED(NOBODY, F(v, 1))
#define DECIDED_2(v) CERTIFIED(NOBODY, F(v, 2))
#define TWO_NOTARIZED(v) (CERTIFIED(NOBODY, N(v, 1)) && CERTIFIED(NOBODY, N(v, 2)))
#define BOTH(v) (CERTIFIED(NOBODY, X(v)) && (DECIDED_1(v) || DECIDED_2(v)))
/* A fault has to lead as far as two decisions; that a lemma of the proof breaks is not enough. */
#define AGREED assert(!(ANY_VIEW(DECIDED_1) && ANY_VIEW(DECIDED_2)))
#ifdef ONLY_AGREEMENT
#define SAFE AGREED
#else
#define SAFE \
	AGREED; \
	assert(!ANY_VIEW(TWO_NOTARIZED)); \
	assert(!ANY_VIEW(BOTH))
#endif

#ifdef CRASH
#define IS_LESS(i, j) (known[i] < known[j] || (known[i] == known[j] && (journal[i] < journal[j] \
	|| (journal[i] == journal[j] && air[i] < air[j]))))
#define TURN(i, j) SWAP(known, i, j); SWAP(journal, i, j); SWAP(air, i, j)
#else
#define IS_LESS(i, j) (known[i] < known[j])
#define TURN(i, j) SWAP(known, i, j)
#endif
#define SWAP(row, i, j) t = row[i]; row[i] = row[j]; row[j] = t; t = 0
#define ORDER(i, j) if \
	:: IS_LESS(i, j) -> TURN(i, j); printf("voters %d and %d change numbers\n", i, j) \
	:: else \
	fi
#if HONEST == 3
#define SORT ORDER(0, 1); ORDER(1, 2); ORDER(0, 1)
#else
#define SORT ORDER(0, 1)
#endif

active proctype Circle()
{
	short t;
end:	do
	VOTER(0)
	VOTER(1)
#if HONEST == 3
	VOTER(2)
#endif
	od
}
