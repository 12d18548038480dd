//! The effects of a line on its packets: delay, loss, corruption and so on.

use crate::Seeded;

/// The properties of a line between two hosts, the same in both directions. Probabilities are in 10,000ths, so that results do not depend
/// on floating-point arithmetic.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct Network {
    /// The time that a packet travels, in microseconds.
    pub latency_us: u32,
    /// The largest random addition to the latency, in microseconds. It lets packets overtake one another.
    pub jitter_us: u32,
    /// The bandwidth in bytes per second; `None` for no limit.
    pub bandwidth: Option<u32>,
    /// The probability that a packet is lost.
    pub loss: u16,
    /// The probability that a packet arrives twice.
    pub duplication: u16,
    /// The probability that a packet is delayed by four latencies and a millisecond.
    pub reordering: u16,
    /// The probability that one bit of a packet is flipped.
    pub corruption: u16,
    /// The largest IP packet, in bytes; at least 128 is used.
    pub mtu: u16,
    /// The time from which all packets are lost, in microseconds. Neither side is told.
    pub cut_at_us: Option<u64>,
    /// The sizes of the send buffer and of the receive buffer of each TCP connection, in bytes.
    pub window: u32,
}

impl Default for Network {
    /// A line without faults: 5 ms each way, and Ethernet's 1500 bytes.
    fn default() -> Self {
        Self {
            latency_us: 5_000,
            jitter_us: 0,
            bandwidth: None,
            loss: 0,
            duplication: 0,
            reordering: 0,
            corruption: 0,
            mtu: 1500,
            cut_at_us: None,
            window: 65_535,
        }
    }
}

/// One direction of a line.
#[derive(Debug, Default)]
pub(super) struct Direction {
    /// The time at which the last packet has been sent completely, in microseconds.
    free_at: u64,
}

impl Direction {
    /// Decides when, in which form and how often (0 to 2 times) a packet that is sent at `now` arrives.
    pub(super) fn carry(
        &mut self,
        network: &Network,
        random: &Seeded,
        now: u64,
        mut packet: Vec<u8>,
    ) -> Vec<(u64, Vec<u8>)> {
        if network.cut_at_us.is_some_and(|cut| now >= cut) {
            return Vec::new();
        }
        let mut leaves = now.max(self.free_at);
        if let Some(bandwidth) = network.bandwidth {
            leaves += packet.len() as u64 * 1_000_000 / u64::from(bandwidth.max(1));
        }
        self.free_at = leaves;
        if hits(random, network.loss) {
            return Vec::new();
        }
        if hits(random, network.corruption) {
            let at = random.below(packet.len());
            let bit = random.below(8);
            if let Some(byte) = packet.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        let copies = 1 + usize::from(hits(random, network.duplication));
        (0..copies)
            .map(|_| {
                let mut arrives = leaves + u64::from(network.latency_us);
                if network.jitter_us > 0 {
                    arrives += random.below(network.jitter_us as usize + 1) as u64;
                }
                if hits(random, network.reordering) {
                    arrives += 4 * u64::from(network.latency_us) + 1_000;
                }
                (arrives, packet.clone())
            })
            .collect()
    }
}

/// Whether an event with this probability, in 10,000ths, happens. A probability of 0 takes no random number, so that a line without faults
/// is fast.
fn hits(random: &Seeded, chance: u16) -> bool {
    chance > 0 && random.below(10_000) < usize::from(chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carry(network: &Network, packets: usize) -> Vec<(u64, Vec<u8>)> {
        let (mut direction, random) = (Direction::default(), Seeded::new(1));
        (0..packets).flat_map(|_| direction.carry(network, &random, 0, vec![0; 1000])).collect()
    }

    #[test]
    fn bandwidth_lets_packets_leave_one_after_another() {
        let network = Network { bandwidth: Some(1_000_000), ..Network::default() };
        let times: Vec<_> = carry(&network, 3).into_iter().map(|(time, _)| time).collect();
        assert_eq!(times, [6_000, 7_000, 8_000]);
    }

    #[test]
    fn chances_are_as_often_as_they_say() {
        let lost = 10_000 - carry(&Network { loss: 2_000, ..Network::default() }, 10_000).len();
        assert!((1_800..2_200).contains(&lost), "{lost}");
        let doubled = carry(&Network { duplication: 2_000, ..Network::default() }, 10_000).len() - 10_000;
        assert!((1_800..2_200).contains(&doubled), "{doubled}");
        let damaged = carry(&Network { corruption: 2_000, ..Network::default() }, 10_000);
        let damaged = damaged.iter().filter(|(_, packet)| packet.iter().any(|byte| *byte != 0)).count();
        assert!((1_800..2_200).contains(&damaged), "{damaged}");
        let late = carry(&Network { reordering: 2_000, ..Network::default() }, 10_000);
        let late = late.iter().filter(|(time, _)| *time > 5_000).count();
        assert!((1_800..2_200).contains(&late), "{late}");
    }

    #[test]
    fn a_line_that_is_cut_carries_nothing() {
        assert!(carry(&Network { cut_at_us: Some(0), ..Network::default() }, 3).is_empty());
    }
}
