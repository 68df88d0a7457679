//! Bitstrings over a window of time: bit `i` is the `i`-th five minutes.
//!
//! Everything beyond the end of a bitstring counts as clear. The loops are plain ones over words, so
//! that the compiler turns them into vector code.

use std::{cell::Cell, ops::Range};

const WORD: usize = u64::BITS as usize;

/// The words that hold so many bits.
pub(super) const fn words_for(bits: usize) -> usize {
    bits.div_ceil(WORD)
}

/// The bits of word `index` that lie in `range`.
fn mask_in(index: usize, range: &Range<usize>) -> u64 {
    let first = index * WORD;
    let from = range.start.max(first) - first;
    let to = range.end.min(first + WORD) - first;
    match to.saturating_sub(from) {
        0 => 0,
        WORD => u64::MAX,
        length => ((1 << length) - 1) << from,
    }
}

/// The indexes of the words that `range` touches, within `length` words.
fn touched(range: &Range<usize>, length: usize) -> Range<usize> {
    if range.is_empty() {
        return 0..0;
    }
    let to = range.end.div_ceil(WORD).min(length);
    (range.start / WORD).min(to)..to
}

/// Sets the bits of `range`.
pub(super) fn set(words: &mut [u64], range: &Range<usize>) {
    for index in touched(range, words.len()) {
        words[index] |= mask_in(index, range);
    }
}

/// Clears the bits of `range`.
pub(super) fn clear(words: &mut [u64], range: &Range<usize>) {
    for index in touched(range, words.len()) {
        words[index] &= !mask_in(index, range);
    }
}

/// Clears every bit outside `range`.
pub(super) fn keep_range(words: &mut [u64], range: &Range<usize>) {
    for (index, word) in words.iter_mut().enumerate() {
        let first = index * WORD;
        let inside = first < range.end && range.start < first + WORD;
        *word &= if inside { mask_in(index, range) } else { 0 };
    }
}

/// Whether every bit of `range` is set.
pub(super) fn all(words: &[u64], range: &Range<usize>) -> bool {
    let is_set = |index: usize| {
        let mask = mask_in(index, range);
        words[index] & mask == mask
    };
    range.is_empty() || (range.end <= words.len() * WORD && touched(range, words.len()).all(is_set))
}

/// Whether any bit of `range` is set.
pub(super) fn any(words: &[u64], range: &Range<usize>) -> bool {
    touched(range, words.len()).any(|index| words[index] & mask_in(index, range) != 0)
}

/// How many bits of `range` are set.
pub(super) fn count(words: &[u64], range: &Range<usize>) -> u32 {
    touched(range, words.len())
        .map(|index| (words[index] & mask_in(index, range)).count_ones())
        .sum()
}

/// The positions of the set bits, in order.
pub(super) fn ones(words: &[u64]) -> impl Iterator<Item = usize> + '_ {
    words.iter().enumerate().flat_map(|(index, &word)| {
        std::iter::successors((word != 0).then_some(word), |rest| {
            let rest = rest & (rest - 1);
            (rest != 0).then_some(rest)
        })
        .map(move |rest| index * WORD + rest.trailing_zeros() as usize)
    })
}

/// The runs of set bits in `range`, in order.
pub(super) fn runs(words: &[u64], range: &Range<usize>) -> Vec<Range<usize>> {
    let end = range.end.min(words.len() * WORD);
    let next = |from: usize, is_set: bool| {
        let mut at = from;
        while at < end {
            let word = if is_set { words[at / WORD] } else { !words[at / WORD] };
            let rest = word >> (at % WORD);
            if rest != 0 {
                return (at + rest.trailing_zeros() as usize).min(end);
            }
            at = (at / WORD + 1) * WORD;
        }
        end
    };
    let mut runs = Vec::new();
    let mut from = next(range.start, true);
    while from < end {
        let to = next(from, false);
        runs.push(from..to);
        from = next(to, true);
    }
    runs
}

/// `into |= other`.
pub(super) fn or(into: &mut [u64], other: &[u64]) {
    for (into, other) in into.iter_mut().zip(other) {
        *into |= other;
    }
}

/// `into &= other`.
pub(super) fn and(into: &mut [u64], other: &[u64]) {
    for (into, other) in into.iter_mut().zip(other) {
        *into &= other;
    }
}

/// `into &= !other`.
pub(super) fn and_not(into: &mut [u64], other: &[u64]) {
    for (into, other) in into.iter_mut().zip(other) {
        *into &= !other;
    }
}

/// Sets bit `i` where bits `i..i + length` are all open and not taken: `open & !taken` and
/// [`keep_runs`] in one pass, which is what a search spends its time on.
pub(super) fn free_runs(into: &mut [u64], open: &[u64], taken: &[u64], length: usize) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "code for a newer processor is chosen when it is there")]
        // SAFETY: the processor has just been asked.
        unsafe {
            free_runs_avx2(into, open, taken, length);
        }
        return;
    }
    free_runs_anywhere(into, open, taken, length);
}

/// The same code once more, for four words at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn free_runs_avx2(into: &mut [u64], open: &[u64], taken: &[u64], length: usize) {
    free_runs_anywhere(into, open, taken, length);
}

#[expect(clippy::inline_always, reason = "a copy of it is compiled for each processor")]
#[inline(always)]
fn free_runs_anywhere(into: &mut [u64], open: &[u64], taken: &[u64], length: usize) {
    match length {
        0..=1 => free_runs_in::<0>(into, open, taken, 0),
        2 => free_runs_in::<0>(into, open, taken, 1),
        3..=4 => free_runs_in::<1>(into, open, taken, length - 2),
        5..=8 => free_runs_in::<2>(into, open, taken, length - 4),
        9..=16 => free_runs_in::<3>(into, open, taken, length - 8),
        17..=32 => free_runs_in::<4>(into, open, taken, length - 16),
        33..=WORD => free_runs_in::<5>(into, open, taken, length - 32),
        _ => {
            free_runs_in::<5>(into, open, taken, 32);
            keep_runs(into, length - WORD + 1);
        }
    }
}

/// A run of up to 64 bits ends in its own word or in the next one, so each pair of neighbours is
/// enough. `DOUBLED` shifts are known to the compiler, which makes them cheaper than the `last` one.
#[expect(clippy::inline_always, reason = "a copy of it is compiled for each processor")]
#[inline(always)]
fn free_runs_in<const DOUBLED: u32>(into: &mut [u64], open: &[u64], taken: &[u64], last: usize) {
    let last = bit_count(last);
    let run = |mut word: u64, mut next: u64| {
        for level in 0..DOUBLED {
            let shift = 1 << level;
            word &= (word >> shift) | (next << (64 - shift));
            next &= next >> shift;
        }
        if 0 < last {
            word &= word.wrapping_shr(last) | next.wrapping_shl(64_u32.wrapping_sub(last));
        }
        word
    };
    let pairs = open.windows(2).zip(taken.windows(2));
    for (into, (open, taken)) in into.iter_mut().zip(pairs) {
        *into = run(open[0] & !taken[0], open[1] & !taken[1]);
    }
    if let (Some(into), Some(open), Some(taken)) = (into.last_mut(), open.last(), taken.last()) {
        *into = run(open & !taken, 0);
    }
}

/// Leaves bit `i` set where bits `i..i + length` all were: doubling, so that a run of `n` costs
/// `log2 n` passes.
pub(super) fn keep_runs(words: &mut [u64], length: usize) {
    let mut reached = 1;
    while reached < length {
        let step = reached.min(length - reached);
        and_own_later(words, step);
        reached += step;
    }
}

/// `words[i] &= words[i + shift]`. Ascending, so every word is read before it is written.
///
/// The common case goes over pairs of neighbours without any check inside the loop: it is the one
/// that must become vector code.
fn and_own_later(words: &mut [u64], shift: usize) {
    let (skip, low) = (shift / WORD, shift % WORD);
    if skip == 0 && 0 < low {
        let (down, up) = (bit_count(low), bit_count(WORD - low));
        let cells = Cell::from_mut(words).as_slice_of_cells();
        for pair in cells.windows(2) {
            let (word, next) = (pair[0].get(), pair[1].get());
            pair[0].set(word & (word.wrapping_shr(down) | next.wrapping_shl(up)));
        }
        if let Some(last) = cells.last() {
            last.set(last.get() & last.get().wrapping_shr(down));
        }
        return;
    }
    for index in 0..words.len() {
        let later = later_word(words, index + skip, low);
        words[index] &= later;
    }
}

fn bit_count(bits: usize) -> u32 {
    u32::try_from(bits).unwrap_or(0)
}

/// `into[i] &= other[i + shift]`.
pub(super) fn and_later(into: &mut [u64], other: &[u64], shift: usize) {
    let (skip, low) = (shift / WORD, shift % WORD);
    for (index, word) in into.iter_mut().enumerate() {
        *word &= later_word(other, index + skip, low);
    }
}

/// `into[i] &= other[i - shift]`; what lies before the start counts as set, because nothing is
/// known against it.
pub(super) fn and_earlier(into: &mut [u64], other: &[u64], shift: usize) {
    let (skip, low) = (shift / WORD, shift % WORD);
    let word_at = |index: Option<usize>| {
        index.map_or(u64::MAX, |index| other.get(index).copied().unwrap_or(0))
    };
    for (index, word) in into.iter_mut().enumerate() {
        let high = word_at(index.checked_sub(skip));
        *word &= if low == 0 {
            high
        } else {
            (high << low) | (word_at(index.checked_sub(skip + 1)) >> (WORD - low))
        };
    }
}

fn later_word(words: &[u64], index: usize, low: usize) -> u64 {
    let word_at = |index: usize| words.get(index).copied().unwrap_or(0);
    if low == 0 {
        word_at(index)
    } else {
        (word_at(index) >> low) | (word_at(index + 1) << (WORD - low))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, prop, prop_assert, prop_assert_eq, prop_compose, proptest};

    use super::*;

    const BITS: usize = 5 * WORD;

    fn bits(words: &[u64]) -> Vec<bool> {
        (0..words.len() * WORD).map(|bit| words[bit / WORD] >> (bit % WORD) & 1 == 1).collect()
    }

    prop_compose! {
        fn some_range()(a in 0..BITS + 70, b in 0..BITS + 70) -> Range<usize> {
            a.min(b)..a.max(b)
        }
    }

    /// Words with long runs, as free time has them.
    fn some_words() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(some_range(), 0..6).prop_map(|ranges| {
            let mut words = vec![0; BITS / WORD];
            for (index, range) in ranges.iter().enumerate() {
                if index % 3 == 2 { clear(&mut words, range) } else { set(&mut words, range) }
            }
            words
        })
    }

    proptest! {
        #[test]
        fn ranges_are_set_cleared_kept_and_counted(words in some_words(), range in some_range()) {
            let before = bits(&words);
            let inside = |bit: usize| range.contains(&bit);
            let changed = |change: fn(&mut [u64], &Range<usize>)| {
                let mut words = words.clone();
                change(&mut words, &range);
                bits(&words)
            };
            let expected = |f: &dyn Fn(usize) -> bool| (0..BITS).map(f).collect::<Vec<_>>();
            prop_assert_eq!(changed(set), expected(&|bit| before[bit] || inside(bit)));
            prop_assert_eq!(changed(clear), expected(&|bit| before[bit] && !inside(bit)));
            prop_assert_eq!(changed(keep_range), expected(&|bit| before[bit] && inside(bit)));
            let held = range.clone().filter(|bit| before.get(*bit) == Some(&true)).count();
            prop_assert_eq!(all(&words, &range), held == range.len());
            prop_assert_eq!(any(&words, &range), held != 0);
            prop_assert_eq!(count(&words, &range) as usize, held);
            let listed = expected(&|bit| before[bit]).iter().filter(|bit| **bit).count();
            prop_assert_eq!(ones(&words).count(), listed);
            prop_assert!(ones(&words).all(|bit| before[bit]));
        }

        #[test]
        fn runs_and_shifts_look_at_the_right_bits(
            words in some_words(), other in some_words(), length in 1..200_usize
        ) {
            let (own, others) = (bits(&words), bits(&other));
            let at = |bits: &[bool], bit: usize| bits.get(bit).copied().unwrap_or(false);
            let mut runs = words.clone();
            keep_runs(&mut runs, length);
            let mut free = words.clone();
            free_runs(&mut free, &words, &vec![0; words.len()], length);
            prop_assert_eq!(&free, &runs);
            let mut untaken = words.clone();
            and_not(&mut untaken, &other);
            keep_runs(&mut untaken, length);
            free_runs(&mut free, &words, &other, length);
            prop_assert_eq!(&free, &untaken);
            free_runs_anywhere(&mut free, &words, &other, length);
            prop_assert_eq!(&free, &untaken);
            let mut later = words.clone();
            and_later(&mut later, &other, length);
            let mut earlier = words.clone();
            and_earlier(&mut earlier, &other, length);
            for bit in 0..BITS {
                prop_assert_eq!(bits(&runs)[bit], (bit..bit + length).all(|bit| at(&own, bit)));
                prop_assert_eq!(bits(&later)[bit], own[bit] && at(&others, bit + length));
                let before = bit.checked_sub(length).is_none_or(|bit| at(&others, bit));
                prop_assert_eq!(bits(&earlier)[bit], own[bit] && before);
            }
        }
    }
}
