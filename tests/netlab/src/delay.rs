//! A link that takes time and loses frames: what netem would do, where the kernel has none.
//!
//! One TAP device is the host's interface, the other the backbone's port. Frames that come out of one go into
//! the other a fixed time later, in order; some are dropped by chance.

#[cfg(target_os = "linux")]
mod tap;

#[cfg(target_os = "linux")]
pub(crate) use tap::DelayedLink;

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::DelayedLink;

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use streamr_testnet::Namespace;

    use crate::error::{LabError, Result};
    use crate::line::Line;

    /// Not to be had on this system.
    #[derive(Debug)]
    pub(crate) enum DelayedLink {}

    impl DelayedLink {
        pub(crate) fn start(_: &Namespace, _: &Namespace, _: &str, _: Line, _: u32) -> Result<Self> {
            Err(LabError::Delay(std::io::ErrorKind::Unsupported.into()))
        }
    }
}
