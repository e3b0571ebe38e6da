//! AWS's errors: status, code and message, exact to the space.
//!
//! Errors of a single operation are in the module of the operation.

/// An error of the Query protocol. An empty message is left out of the XML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into() }
    }

    pub(crate) fn access_denied(message: impl Into<String>) -> Self {
        Self::new(403, "AccessDenied", message)
    }

    /// A code that is wrong, used or outside the window.
    pub(crate) fn invalid_code() -> Self {
        Self::access_denied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")
    }

    /// A serial number that does not belong to the user, or a device that was tried too often.
    pub(crate) fn unable_to_validate() -> Self {
        Self::access_denied(
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is \
             valid and associated with this user.",
        )
    }

    /// An access key that is unknown or inactive, or a token that does not belong to it. STS ends the sentence with a
    /// period, IAM does not.
    pub(crate) fn invalid_client_token(service: &str) -> Self {
        let period = if service == "iam" { "" } else { "." };
        let message = format!("The security token included in the request is invalid{period}");
        Self::new(403, "InvalidClientTokenId", message)
    }

    pub(crate) fn signature(message: impl Into<String>) -> Self {
        Self::new(403, "SignatureDoesNotMatch", message)
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }

    pub(crate) fn no_such_entity(message: impl Into<String>) -> Self {
        Self::new(404, "NoSuchEntity", message)
    }

    pub(crate) fn no_such_user(name: &str) -> Self {
        Self::no_such_entity(format!("The user with name {name} cannot be found."))
    }

    pub(crate) fn exists(message: impl Into<String>) -> Self {
        Self::new(409, "EntityAlreadyExists", message)
    }

    pub(crate) fn delete_conflict(message: &str) -> Self {
        Self::new(409, "DeleteConflict", message)
    }

    pub(crate) fn quota(what: &str, limit: usize) -> Self {
        Self::new(409, "LimitExceeded", format!("Cannot exceed quota for {what}: {limit}"))
    }

    /// The request has no `UserName` and is not signed by a user.
    pub(crate) fn user_name_needed() -> Self {
        Self::validation("Must specify userName when calling with non-User credentials")
    }
}
