//! What goes by besides the watched servers, so that a watch that saw nothing can say what there was instead.

/// Segments by port; a port's page of memory is touched only when it is used.
#[derive(Debug)]
pub struct Elsewhere {
    segments: Box<[u32]>,
}

impl Elsewhere {
    pub(super) fn new() -> Self {
        Self {
            segments: vec![0; 1 << 16].into_boxed_slice(),
        }
    }

    /// Counts a segment for the lower of its ports, which most often is the server's.
    pub(super) fn count(&mut self, ports: [u16; 2]) {
        let count = &mut self.segments[usize::from(ports[0].min(ports[1]))];
        *count = count.saturating_add(1);
    }

    /// The busiest ports of all these together with their segments, at most `most`, the busiest first.
    #[must_use]
    pub fn busiest(all: &[&Self], most: usize) -> Vec<(u16, u64)> {
        let count = |port: u16| -> u64 {
            let counts = all.iter().map(|one| one.segments[usize::from(port)]);
            counts.map(u64::from).sum()
        };
        let counted = (0..=u16::MAX).map(|port| (port, count(port)));
        let mut ports: Vec<_> = counted.filter(|&(_, count)| count > 0).collect();
        ports.sort_by_key(|&(port, count)| (std::cmp::Reverse(count), port));
        ports.truncate(most);
        ports
    }
}
