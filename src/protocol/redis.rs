//! stub
use super::*;
/// stub
#[derive(Debug)]
pub struct Redis;
impl Redis {
    /// stub
    pub fn new() -> Self {
        Self
    }
}
impl Decoder for Redis {
    fn decode<'a>(&'a mut self, _s: Side, b: &'a [u8], _t: &mut Messages<'a>) -> Step {
        Step::Take(b.len() as u64)
    }
    fn lost(&mut self, _s: Side) {}
    fn resync(&mut self, _s: Side, _b: &[u8]) -> Resync {
        Resync::At(0)
    }
}
/// stub
pub fn recognise(_s: Side, _b: &[u8]) -> bool {
    true
}
