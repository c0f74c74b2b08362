//! Reading `struct tcp_info` (`linux/tcp.h`), which has grown at its end ever since.

use netsonde_data::observation::TcpInfo;

/// The length up to `tcpi_total_retrans`, which every kernel has.
pub(crate) const SHORT: usize = 104;
/// The length up to `tcpi_delivery_rate`, of Linux 4.9.
pub(crate) const LONG: usize = 168;

/// What the kernel wrote; nothing when that is less than any kernel writes.
pub(crate) fn read(books: &[u8]) -> Option<TcpInfo> {
    let byte = |at: usize| books.get(at).copied();
    let u32_at = |at: usize| {
        let bytes = books.get(at..at.checked_add(4)?)?;
        Some(u32::from_ne_bytes(bytes.try_into().ok()?))
    };
    let u64_at = |at: usize| {
        let bytes = books.get(at..at.checked_add(8)?)?;
        Some(u64::from_ne_bytes(bytes.try_into().ok()?))
    };
    Some(TcpInfo {
        state: state(byte(0)?).to_owned(),
        retransmits: byte(2)?,
        rto_us: u32_at(8)?,
        mss: u32_at(16)?,
        unacked: u32_at(24)?,
        lost: u32_at(32)?,
        rtt_us: u32_at(68)?,
        rtt_var_us: u32_at(72)?,
        cwnd: u32_at(80)?,
        total_retransmits: u32_at(100)?,
        bytes_acked: u64_at(120),
        bytes_received: u64_at(128),
        segments_out: u32_at(136),
        segments_in: u32_at(140),
        min_rtt_us: u32_at(148),
        delivery_rate: u64_at(160),
    })
}

/// The states by their numbers in `linux/tcp_states.h`.
fn state(number: u8) -> &'static str {
    match number {
        1 => "established",
        2 => "syn_sent",
        3 => "syn_received",
        4 => "fin_wait_1",
        5 => "fin_wait_2",
        6 => "time_wait",
        7 => "closed",
        8 => "close_wait",
        9 => "last_ack",
        10 => "listen",
        11 => "closing",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_stand_where_the_kernel_puts_them() {
        let mut books = [0; LONG];
        books[0] = 1;
        books[2] = 3;
        books[68..72].copy_from_slice(&21_000_u32.to_ne_bytes());
        books[100..104].copy_from_slice(&7_u32.to_ne_bytes());
        books[160..168].copy_from_slice(&125_000_u64.to_ne_bytes());
        let info = read(&books).unwrap();
        assert_eq!((info.state.as_str(), info.retransmits), ("established", 3));
        assert_eq!((info.rtt_us, info.total_retransmits), (21_000, 7));
        assert_eq!(info.delivery_rate, Some(125_000));
    }

    #[test]
    fn an_old_kernel_counts_less() {
        let info = read(&[0; SHORT]).unwrap();
        assert_eq!(
            (info.delivery_rate, info.bytes_acked, info.min_rtt_us),
            (None, None, None)
        );
        assert_eq!(read(&[0; SHORT - 1]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(books in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(read(&books).is_some(), books.len() >= SHORT);
        }
    }
}
