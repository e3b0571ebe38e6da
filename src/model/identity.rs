//! Who owns a set of keys, from GetCallerIdentity's ARN: a user with a path, root, or a role session.

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub arn: String,
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: String,
    /// Twelve digits.
    pub account: String,
    pub who: Who,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    User {
        /// Without the path.
        name: String,
        /// `/`, or begins and ends with a slash.
        path: String,
    },
    Root,
    /// A role session or a federated user: anything that cannot have an MFA device.
    Session,
}

impl Identity {
    /// Reads a caller's ARN; `None` if it is malformed.
    pub fn of_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (scheme, partition, _service, _region) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let (account, resource) = (parts.next()?, parts.next()?);
        if scheme != "arn" || partition.is_empty() {
            return None;
        }
        let who = match resource.split_once('/') {
            Some(("user", rest)) => {
                let (path, name) = rest.rsplit_once('/').unwrap_or(("", rest));
                let path = if path.is_empty() { "/".to_owned() } else { format!("/{path}/") };
                Who::User { name: name.to_owned(), path }
            }
            None if resource == "root" => Who::Root,
            _ => Who::Session,
        };
        Some(Self { arn: arn.to_owned(), partition: partition.to_owned(), account: account.to_owned(), who })
    }

    /// The user's name, if the keys belong to a user.
    pub fn user(&self) -> Option<&str> {
        match &self.who {
            Who::User { name, .. } => Some(name),
            Who::Root | Who::Session => None,
        }
    }

    /// The ARN of a user in the account.
    pub fn user_arn(&self, path: &str, name: &str) -> String {
        format!("arn:{}:iam::{}:user{path}{name}", self.partition, self.account)
    }

    /// The ARN of a virtual device in the account.
    pub fn device_arn(&self, path: &str, name: &str) -> String {
        format!("arn:{}:iam::{}:mfa{path}{name}", self.partition, self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_paths_and_names() {
        let identity = Identity::of_arn("arn:aws-cn:iam::123456789012:user/eng/team/bob").unwrap();
        assert_eq!(identity.who, Who::User { name: "bob".into(), path: "/eng/team/".into() });
        assert_eq!(identity.user_arn("/eng/", "al"), "arn:aws-cn:iam::123456789012:user/eng/al");
        assert_eq!(identity.device_arn("/", "al"), "arn:aws-cn:iam::123456789012:mfa/al");
        let identity = Identity::of_arn("arn:aws:iam::123456789012:user/bob").unwrap();
        assert_eq!(identity.who, Who::User { name: "bob".into(), path: "/".into() });
    }

    #[test]
    fn others_have_no_user() {
        let who = |arn| Identity::of_arn(arn).map(|identity| identity.who);
        assert_eq!(who("arn:aws:iam::123456789012:root"), Some(Who::Root));
        assert_eq!(who("arn:aws:sts::123456789012:assumed-role/admin/me"), Some(Who::Session));
        assert_eq!(who("arn:aws:sts::123456789012:federated-user/me"), Some(Who::Session));
        assert_eq!(who("not an arn"), None);
    }
}
