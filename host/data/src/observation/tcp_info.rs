//! `x_tcp_info`: what the kernel knows of a TCP connection. OONI has no format for it.

use serde::{Deserialize, Serialize};

/// A sample of the kernel's books on one connection (Linux: `TCP_INFO`). What an old kernel does not count is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TcpInfo {
    /// The state in the sense of RFC 9293, in small letters: `established`, `syn_sent`, `close_wait`, …
    pub state: String,
    /// Smoothed round-trip time, in microseconds.
    pub rtt_us: u32,
    /// Its mean deviation, in microseconds.
    pub rtt_var_us: u32,
    /// The smallest round-trip time so far, in microseconds.
    pub min_rtt_us: Option<u32>,
    /// How long the kernel waits before it sends again, in microseconds.
    pub rto_us: u32,
    /// How often in a row the oldest unacknowledged segment was sent again.
    pub retransmits: u8,
    /// How many segments were sent again since the connection began.
    pub total_retransmits: u32,
    /// Segments sent and not yet acknowledged.
    pub unacked: u32,
    /// Segments that the kernel takes for lost.
    pub lost: u32,
    /// Congestion window, in segments.
    pub cwnd: u32,
    /// Maximum segment size for sending, in bytes.
    pub mss: u32,
    /// Bytes that the peer has acknowledged.
    pub bytes_acked: Option<u64>,
    /// Bytes that the peer has sent in order.
    pub bytes_received: Option<u64>,
    /// Segments sent.
    pub segments_out: Option<u32>,
    /// Segments received.
    pub segments_in: Option<u32>,
    /// How fast data was lately delivered to the peer, in bytes per second.
    pub delivery_rate: Option<u64>,
}
