//! Flags of the old surface.

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use streamr_coordinator::old_surface::{OldSurface, Registration};
use streamr_coordinator::polling::PollRules;
use streamr_coordinator::polling::address::AddressRules;

use crate::Switch;

/// The network of June 2025.
#[derive(Debug, Args)]
#[command(next_help_heading = "The network of June 2025")]
pub(crate) struct OldArgs {
    /// Answer the calls of nodes of June 2025, which sign nothing.
    #[arg(long, env = "STREAMR_OLD_SURFACE", value_enum, default_value_t = Switch::On)]
    old_surface: Switch,

    /// Who may register streams there. What anybody registers without the operator token earns nobody anything.
    #[arg(long, env = "STREAMR_OLD_REGISTRATION", value_enum, default_value_t = Registrar::Operator)]
    old_registration: Registrar,

    /// Ask nodes there at random times for their statistics. Without it they earn nothing.
    #[arg(long, env = "STREAMR_OLD_POLLING", value_enum, default_value_t = Switch::Off)]
    old_polling: Switch,

    /// Ports that may be asked.
    #[arg(long, env = "STREAMR_OLD_POLL_PORTS", value_delimiter = ',', default_values_t = PollRules::PORTS)]
    old_poll_ports: Vec<u16>,

    /// Networks that may be asked though they are private, such as 192.168.7.0/24.
    #[arg(long, env = "STREAMR_OLD_POLL_ALLOW", value_delimiter = ',')]
    old_poll_allow: Vec<IpNet>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Registrar {
    Operator,
    Anybody,
}

impl OldArgs {
    /// The old surface as asked for; `None` where it is off.
    pub(crate) fn surface(&self) -> Option<OldSurface> {
        let polling = (self.old_polling == Switch::On).then(|| PollRules {
            addresses: AddressRules { allowed: self.old_poll_allow.clone() },
            ports: self.old_poll_ports.clone(),
            ..PollRules::default()
        });
        let registration = match self.old_registration {
            Registrar::Operator => Registration::Operator,
            Registrar::Anybody => Registration::Anybody,
        };
        (self.old_surface == Switch::On).then_some(OldSurface { registration, polling })
    }
}
