//! Misbehaviour that needs no primitive.

use std::hint::black_box;

/// Loop for ever.
pub(crate) fn spin() -> ! {
    let mut number = 0_u64;
    loop {
        number = black_box(number.wrapping_add(1));
    }
}

/// Trap.
pub(crate) fn trap() -> ! {
    std::process::abort()
}

/// Take memory, and touch it, for ever.
pub(crate) fn eat() -> ! {
    let mut kept = Vec::new();
    loop {
        kept.push(black_box(vec![1_u8; 1 << 20]));
    }
}

/// Call itself until the stack ends.
pub(crate) fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if depth == u64::MAX {
        return depth;
    }
    recurse(depth + 1).wrapping_add(frame.iter().sum::<u64>())
}
