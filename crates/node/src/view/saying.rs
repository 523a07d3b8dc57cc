//! What a person says about their node.

use serde::{Deserialize, Serialize};

/// Something that is said to the coordinator about this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum Saying {
    /// It is this account's.
    Claim {
        /// The account's handle.
        handle: String,
        /// The code that its person was given for this node.
        code: String,
    },
    /// It is nobody's.
    Release,
    /// It may be shown to everybody under this name.
    ShowName {
        /// The name.
        name: String,
    },
    /// It may be shown to nobody.
    HideName,
    /// It will not be there.
    DeclareDowntime {
        /// From when.
        #[cfg_attr(test, ts(type = "number"))]
        begins_at_ms: u64,
        /// Until when.
        #[cfg_attr(test, ts(type = "number"))]
        ends_at_ms: u64,
    },
    /// It will be there after all.
    WithdrawDowntime {
        /// From when it was not to be.
        #[cfg_attr(test, ts(type = "number"))]
        begins_at_ms: u64,
    },
    /// A closed hour is wrong.
    Dispute {
        /// The stream.
        stream: String,
        /// When the hour began.
        #[cfg_attr(test, ts(type = "number"))]
        began_at_ms: u64,
        /// What is wrong, for the operator.
        text: String,
    },
}
