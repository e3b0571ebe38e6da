//! The internals that `tests/it`, `benches` and `examples` use. Everything else is private to the crate, so that the compiler
//! finds unused code. This is not an API: anything here may change at any time.

pub mod aws {
    pub use crate::aws::{Aws, AwsErrorKind, Keys, Mfa, Network, Settings};
}
pub mod aws_files {
    pub use crate::aws_files::{AwsFile, ahead, guard, tally};
    pub mod document {
        pub use crate::aws_files::document::{Document, UnsafeEdit};
    }
    pub mod door {
        pub use crate::aws_files::door::{AwsFiles, Preview};
    }
    pub mod profiles {
        pub use crate::aws_files::profiles::{Profile, Profiles};
    }
    pub mod resolve {
        pub use crate::aws_files::resolve::{ResolveError, resolve};
    }
    pub mod session_edits {
        pub use crate::aws_files::session_edits::{
            SessionValues, remove_session, set_config_key, write_session,
        };
    }
    pub mod syntax {
        pub use crate::aws_files::syntax::{Problem, SyntaxError};
    }
}
pub mod choice {
    pub use crate::choice::Named;
}
pub mod cli {
    pub use crate::cli::Cli;
}
pub mod clock {
    pub use crate::clock::{Clock, SharedClock, Stopwatch, SystemClock};
}
pub mod commands {
    pub use crate::commands::completions;
    pub mod code {
        pub use crate::commands::code::{CodeArgs, run};
    }
    pub mod credential_process {
        pub use crate::commands::credential_process::{CredentialProcessArgs, run};
    }
    pub mod device {
        pub use crate::commands::device::{DeviceCommand, run};
    }
    pub mod doctor {
        pub use crate::commands::doctor::{DoctorArgs, run};
    }
    pub mod enroll {
        pub use crate::commands::enroll::{EnrollArgs, run};
    }
    pub mod login {
        pub use crate::commands::login::{LoginArgs, run};
    }
    pub mod logout {
        pub use crate::commands::logout::{LogoutArgs, run};
    }
    pub mod status {
        pub use crate::commands::status::{StatusArgs, run};
    }
    pub mod store {
        pub use crate::commands::store::{StoreCommand, run};
    }
}
pub mod contained {
    pub use crate::contained::{Lost, run};
}
pub mod context {
    pub use crate::context::Context;
}
pub mod enrollment {
    pub use crate::enrollment::forget_journal_of;
}
pub mod env {
    pub use crate::env::{ANSWER_VARIABLES, Env, OWN_VARIABLES};
}
pub mod error {
    pub use crate::error::{CommandError, CommandResult};
}
pub mod files {
    pub use crate::files::{LIMIT, Lock, digest, fingerprint, read_bounded};
}
pub mod model {
    pub mod secret {
        pub use crate::model::secret::Secret;
    }
    pub mod session {
        pub use crate::model::session::Session;
    }
    pub mod step {
        pub use crate::model::step::Step;
    }
    pub mod totp {
        pub use crate::model::totp::Seed;
    }
}
pub mod panics {
    pub use crate::panics::report;
}
pub mod serving {
    pub use crate::serving::{Keeper, Shelf};
}
pub mod session {
    pub use crate::session::{
        Asker, Obtained, Peeked, RegionSetting, Request, SessionError, key, obtain, peek, try_obtain,
    };
}
pub mod ui {
    pub use crate::ui::{Prompt, PromptError, Style, Terminal, Ui, Verbosity};
}
