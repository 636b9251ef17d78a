/* One slot of a circle of four: three honest voters and one that votes for everything.
 *
 * Votes accumulate, and an honest voter may act on any certificate that exists, or never: that covers
 * loss, delay, reordering, duplication, any leader and any order of views, since nothing here asks
 * which view is open. The Byzantine voter is folded into NEED: whatever is counted, it voted for it.
 * Values are 1 and 2. The voters are kept in order, since which of them did what makes no difference.
 *
 * Rules: CIR-017 (one NOTARIZE per view), CIR-018 (NULLIFY excludes FINALIZE and the reverse), CIR-023
 * (V2, V3: every view skipped was nullified, down to one that notarized this value), R3 (a FINALIZE
 * needs a notarization), CIR-020 (an own vote counts when it is signed).
 * Claims: no two values are decided (CIR-002, CIR-040); no view has two notarized values, or is both
 * nullified and finalized (I3).
 *
 * With CRASH power may fail between the two steps of a vote, and comes back. As CIR-050 wants it the
 * journal is the first step and the air the second: so what a voter signed it knows for ever, and it
 * may send it later. The fault has them the other way round.
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

short known[HONEST];        /* the votes a voter knows it signed: memory, and journal */
#ifdef CRASH
short air[HONEST];          /* those that others can have */
#ifdef FAULT_SENT_BEFORE_DURABLE
short flight[HONEST];       /* the one between its two steps */
#endif
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

#ifdef FAULT_SKIPPED_VIEWS
#define JUSTIFIED_1(me, b) true
#define JUSTIFIED_2(me, b) true
#else
#define JUSTIFIED_1(me, b) (CERTIFIED(me, N(0, b)) || CERTIFIED(me, X(0)))
#define JUSTIFIED_2(me, b) \
	(CERTIFIED(me, N(1, b)) || (CERTIFIED(me, X(1)) && JUSTIFIED_1(me, b)))
#endif
#define JUSTIFIED_0(me, b) true

#ifdef FAULT_BOTH_ALLOWED
#define BARS_F(v) F(v, 3)
#define BARS_X(v) X(v)
#else
#define BARS_F(v) (F(v, 3) | X(v))
#define BARS_X(v) (F(v, 3) | X(v))
#endif

/* In the right order a loss of power changes nothing here: memory is read back from the journal, and the
 * vote is sent later, or never. In the wrong one the air has what neither memory nor journal has. */
#ifndef CRASH
#define IDLE(me) true
#define SIGN(me, m) known[me] = known[me] | m
#define STEPS(me)
#else
#ifndef FAULT_SENT_BEFORE_DURABLE
#define IDLE(me) true
#define SIGN(me, m) known[me] = known[me] | m
#define STEPS(me) :: d_step { known[me] != air[me] -> air[me] = known[me]; SAFE; SORT }
#else
#define IDLE(me) (flight[me] == 0)
#define SIGN(me, m) known[me] = known[me] | m; air[me] = air[me] | m; flight[me] = m
#define STEPS(me) \
	:: d_step { flight[me] != 0 -> flight[me] = 0; SORT } \
	:: d_step { flight[me] != 0 -> known[me] = known[me] ^ flight[me]; flight[me] = 0; SORT }
#endif
#endif

#define NOTARIZE(me, v, b) :: d_step { IDLE(me) && !(known[me] & N(v, 3)) \
	&& JUSTIFIED_##v(me, b) -> SIGN(me, N(v, b)); SAFE; SORT }
#define NULLIFY(me, v) :: d_step { IDLE(me) && !(known[me] & BARS_X(v)) -> \
	SIGN(me, X(v)); SAFE; SORT }
#define FINALIZE(me, v, b) :: d_step { IDLE(me) && !(known[me] & BARS_F(v)) \
	&& CERTIFIED(me, N(v, b)) -> SIGN(me, F(v, b)); SAFE; SORT }
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
#define SAFE \
	assert(!(ANY_VIEW(DECIDED_1) && ANY_VIEW(DECIDED_2))); \
	assert(!ANY_VIEW(TWO_NOTARIZED)); \
	assert(!ANY_VIEW(BOTH))

#ifndef CRASH
#define IS_LESS(i, j) (known[i] < known[j])
#define TURN(i, j) SWAP(known, i, j)
#else
#ifndef FAULT_SENT_BEFORE_DURABLE
#define IS_LESS(i, j) (known[i] < known[j] || (known[i] == known[j] && air[i] < air[j]))
#define TURN(i, j) SWAP(known, i, j); SWAP(air, i, j)
#else
#define IS_LESS(i, j) (known[i] < known[j] || (known[i] == known[j] && (air[i] < air[j] \
	|| (air[i] == air[j] && flight[i] < flight[j]))))
#define TURN(i, j) SWAP(known, i, j); SWAP(air, i, j); SWAP(flight, i, j)
#endif
#endif
#define SWAP(row, i, j) t = row[i]; row[i] = row[j]; row[j] = t; t = 0
#define ORDER(i, j) if :: IS_LESS(i, j) -> TURN(i, j) :: else fi
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
