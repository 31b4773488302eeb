//! stub
/// stub
#[derive(Debug)]
pub struct ColumnHealth;
/// stub
#[derive(Debug, Clone)]
pub struct Alarm;
impl std::fmt::Display for Alarm { fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { Ok(()) } }
impl Alarm { /// c
 pub fn code(&self) -> &'static str { "" } }
impl ColumnHealth {
    /// n
    pub fn new() -> Self { Self }
    /// o
    pub fn observe(&mut self, _cell: &str) {}
    /// a
    pub fn alarms(&self) -> Vec<Alarm> { Vec::new() }
}
