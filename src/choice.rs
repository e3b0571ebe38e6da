//! Which profile is meant, and whether keys in the environment take precedence. As in the AWS CLI, a flag overrides a
//! variable, and a variable overrides `default`.

use crate::env::Env;

/// A profile, and how it was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    /// With a flag or an argument, or by awsmfa itself.
    Flag(&'a str),
    /// With `AWS_PROFILE` or `AWS_DEFAULT_PROFILE`.
    Variable(&'a str),
    /// Not at all: `default`.
    Default,
}

impl<'a> Named<'a> {
    /// The profile from the flag or the environment.
    pub fn of(flag: Option<&'a str>, env: &'a Env) -> Self {
        match (flag, env.named_profile()) {
            (Some(name), _) => Self::Flag(name),
            (None, Some(name)) => Self::Variable(name),
            (None, None) => Self::Default,
        }
    }

    pub fn name(self) -> &'a str {
        match self {
            Self::Flag(name) | Self::Variable(name) => name,
            Self::Default => "default",
        }
    }

    /// Whether keys in the environment take precedence over the profile's. In the SDKs, only a profile that was chosen with a
    /// flag overrides them.
    pub fn yields_to_environment_keys(self) -> bool {
        !matches!(self, Self::Flag(_))
    }

    /// The profile for credentials. `None` if keys in the environment take precedence, or no profile was chosen.
    pub fn whose_credentials(self, env: &Env) -> Option<&'a str> {
        let has = |name| env.get(name).is_some();
        match self {
            Self::Flag(name) => Some(name),
            Self::Variable(_) if has("AWS_ACCESS_KEY_ID") && has("AWS_SECRET_ACCESS_KEY") => None,
            Self::Variable(name) => Some(name),
            Self::Default => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flag_overrides_variable_and_variable_overrides_default() {
        let env = Env::from_pairs([("AWS_PROFILE", "variable")]);
        assert_eq!(Named::of(Some("flag"), &env).name(), "flag");
        assert_eq!(Named::of(None, &env), Named::Variable("variable"));
        let env = Env::default();
        assert_eq!((Named::of(None, &env), Named::of(None, &env).name()), (Named::Default, "default"));
    }

    #[test]
    fn only_a_flag_overrides_keys_in_the_environment() {
        let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| (name, "x"));
        let (keys, none) = (Env::from_pairs(keys), Env::default());
        let (flag, variable) = (Named::Flag("a"), Named::Variable("a"));
        assert_eq!(
            [flag, variable, Named::Default].map(Named::yields_to_environment_keys),
            [false, true, true]
        );
        assert_eq!((flag.whose_credentials(&keys), variable.whose_credentials(&keys)), (Some("a"), None));
        assert_eq!(
            (flag.whose_credentials(&none), variable.whose_credentials(&none)),
            (Some("a"), Some("a"))
        );
        assert_eq!(Named::Default.whose_credentials(&none), None);
    }
}
