//! Users, their policies, console passwords and access keys.

use aws_sdk_iam::types::{AccessKey, AccessKeyMetadata, StatusType, User};
use chrono::{DateTime, Utc};

use super::super::errors::AwsError;
use super::super::signer::{Reply, Signer};
use crate::model::secret::Secret;
use crate::model::session::LongTermKeys;

/// A user's access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserKey {
    pub id: String,
    pub is_active: bool,
    pub created: Option<DateTime<Utc>>,
}

impl Signer<'_> {
    /// GetUser: the user's ARN, including the path.
    pub fn get_user(&self, user: &str) -> Reply<String> {
        const OPERATION: &str = "GetUser";
        let reply = self.idempotent(OPERATION, |iam| iam.get_user().user_name(user).send());
        reply.and_then(|output| arn(OPERATION, output.user))
    }

    /// CreateUser, sent once: the user's ARN. `path` begins and ends with a slash.
    pub fn create_user(&self, name: &str, path: &str) -> Reply<String> {
        const OPERATION: &str = "CreateUser";
        let reply = self.once(OPERATION, |iam| iam.create_user().user_name(name).path(path).send());
        reply.and_then(|output| arn(OPERATION, output.user))
    }

    /// AttachUserPolicy. Attaching a policy again changes nothing, so the SDK may send it again.
    pub fn attach_user_policy(&self, user: &str, policy_arn: &str) -> Reply<()> {
        let reply = self.idempotent("AttachUserPolicy", |iam| {
            iam.attach_user_policy().user_name(user).policy_arn(policy_arn).send()
        });
        reply.done()
    }

    /// CreateLoginProfile, sent once: sets a console password that the user has to change at the first sign-in.
    pub fn create_login_profile(&self, user: &str, password: &Secret<String>) -> Reply<()> {
        let reply = self.once("CreateLoginProfile", |iam| {
            let request = iam.create_login_profile().user_name(user).password(password.expose());
            request.password_reset_required(true).send()
        });
        reply.done()
    }

    /// CreateAccessKey, sent once. AWS shows the secret only now. With temporary keys IAM cannot determine the user, so the
    /// user is always sent.
    pub fn create_access_key(&self, user: &str) -> Reply<LongTermKeys> {
        const OPERATION: &str = "CreateAccessKey";
        let reply = self.once(OPERATION, |iam| iam.create_access_key().user_name(user).send());
        reply.and_then(|output| {
            let whole = |key: &AccessKey| !key.access_key_id.is_empty() && !key.secret_access_key.is_empty();
            let key = output
                .access_key
                .filter(whole)
                .ok_or_else(|| AwsError::incomplete(OPERATION, "access key"))?;
            Ok(LongTermKeys {
                access_key_id: key.access_key_id,
                secret_access_key: key.secret_access_key.into(),
            })
        })
    }

    /// DeleteAccessKey, sent once.
    pub fn delete_access_key(&self, user: &str, id: &str) -> Reply<()> {
        let reply = self
            .once("DeleteAccessKey", |iam| iam.delete_access_key().user_name(user).access_key_id(id).send());
        reply.done()
    }

    /// UpdateAccessKey: makes a key inactive. Doing that again changes nothing, so the SDK may send it again.
    pub fn deactivate_access_key(&self, user: &str, id: &str) -> Reply<()> {
        let reply = self.idempotent("UpdateAccessKey", |iam| {
            let request = iam.update_access_key().user_name(user).access_key_id(id);
            request.status(StatusType::Inactive).send()
        });
        reply.done()
    }

    /// GetAccessKeyLastUsed; `None` if the key was never used, as far as AWS has recorded it.
    pub fn access_key_last_used(&self, id: &str) -> Reply<Option<DateTime<Utc>>> {
        let reply = self.idempotent("GetAccessKeyLastUsed", |iam| {
            iam.get_access_key_last_used().access_key_id(id).send()
        });
        reply.and_then(|output| {
            let used = output.access_key_last_used.and_then(|used| used.last_used_date);
            Ok(used.and_then(|date| DateTime::from_timestamp(date.secs(), 0)))
        })
    }

    /// ListAccessKeys, all pages.
    pub fn list_access_keys(&self, user: &str) -> Reply<Vec<UserKey>> {
        let reply = self.idempotent("ListAccessKeys", |iam| {
            iam.list_access_keys()
                .user_name(user)
                .into_paginator()
                .items()
                .send()
                .collect::<Result<Vec<_>, _>>()
        });
        reply.and_then(|keys| Ok(keys.into_iter().filter_map(user_key).collect()))
    }
}

fn user_key(key: AccessKeyMetadata) -> Option<UserKey> {
    Some(UserKey {
        id: key.access_key_id?,
        is_active: key.status == Some(StatusType::Active),
        created: key.create_date.and_then(|date| DateTime::from_timestamp(date.secs(), 0)),
    })
}

fn arn(operation: &'static str, user: Option<User>) -> Result<String, AwsError> {
    user.map(|user| user.arn)
        .filter(|arn| !arn.is_empty())
        .ok_or_else(|| AwsError::incomplete(operation, "user"))
}
