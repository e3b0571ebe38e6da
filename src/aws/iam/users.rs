//! Users, and what is made for a new one: policies, a console password, access keys.

use aws_sdk_iam::types::{AccessKeyMetadata, StatusType, User};
use chrono::{DateTime, TimeDelta, Utc};

use super::super::client::{Aws, Keys, Reply};
use super::super::errors::AwsError;
use super::{Tag, sdk_tags};
use crate::model::secret::Secret;
use crate::model::session::LongTermKeys;

/// A user, as IAM describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInfo {
    /// The name without its path; empty for root.
    pub name: String,
    /// The ARN, path included.
    pub arn: String,
    /// The path: `/`, or begins and ends with a slash.
    pub path: String,
}

/// An access key of a user, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKeyInfo {
    /// Its ID.
    pub id: String,
    /// Whether it may sign.
    pub active: bool,
    /// When it was made.
    pub created: Option<DateTime<Utc>>,
}

impl Aws {
    /// GetUser; without `user`, the owner of the keys.
    pub fn get_user(&self, keys: &Keys, user: Option<&str>, offset: TimeDelta) -> Reply<UserInfo> {
        const OPERATION: &str = "GetUser";
        let user = user.map(str::to_owned);
        let reply = self.idempotent(OPERATION, keys, offset, |iam| iam.get_user().set_user_name(user).send());
        reply.and_then(|output| user_info(OPERATION, output.user))
    }

    /// CreateUser, sent once. `path` begins and ends with a slash. Tags need a permission of their own.
    pub fn create_user(
        &self,
        keys: &Keys,
        name: &str,
        path: &str,
        tags: &[Tag],
        offset: TimeDelta,
    ) -> Reply<UserInfo> {
        const OPERATION: &str = "CreateUser";
        let reply = self.once(OPERATION, keys, offset, |iam| {
            iam.create_user().user_name(name).path(path).set_tags(sdk_tags(tags)).send()
        });
        reply.and_then(|output| user_info(OPERATION, output.user))
    }

    /// AttachUserPolicy. A policy that is attached already stays so, so it may be repeated.
    pub fn attach_user_policy(
        &self,
        keys: &Keys,
        user: &str,
        policy_arn: &str,
        offset: TimeDelta,
    ) -> Reply<()> {
        let reply = self.idempotent("AttachUserPolicy", keys, offset, |iam| {
            iam.attach_user_policy().user_name(user).policy_arn(policy_arn).send()
        });
        reply.done()
    }

    /// CreateLoginProfile, sent once: a password for the console, which the user has to change at once.
    pub fn create_login_profile(
        &self,
        keys: &Keys,
        user: &str,
        password: &Secret<String>,
        offset: TimeDelta,
    ) -> Reply<()> {
        let reply = self.once("CreateLoginProfile", keys, offset, |iam| {
            let request = iam.create_login_profile().user_name(user).password(password.expose());
            request.password_reset_required(true).send()
        });
        reply.done()
    }

    /// CreateAccessKey, sent once. AWS tells the secret only here. With temporary keys IAM cannot tell whose the new
    /// key should be, so the user is always named.
    pub fn create_access_key(&self, keys: &Keys, user: &str, offset: TimeDelta) -> Reply<LongTermKeys> {
        const OPERATION: &str = "CreateAccessKey";
        let reply = self.once(OPERATION, keys, offset, |iam| iam.create_access_key().user_name(user).send());
        reply.and_then(|output| {
            let key = output.access_key.ok_or_else(|| AwsError::incomplete(OPERATION))?;
            Ok(LongTermKeys {
                access_key_id: key.access_key_id,
                secret_access_key: key.secret_access_key.into(),
            })
        })
    }

    /// DeleteAccessKey, sent once.
    pub fn delete_access_key(&self, keys: &Keys, user: &str, id: &str, offset: TimeDelta) -> Reply<()> {
        let reply = self.once("DeleteAccessKey", keys, offset, |iam| {
            iam.delete_access_key().user_name(user).access_key_id(id).send()
        });
        reply.done()
    }

    /// ListAccessKeys, all pages.
    pub fn list_access_keys(&self, keys: &Keys, user: &str, offset: TimeDelta) -> Reply<Vec<AccessKeyInfo>> {
        let reply = self.idempotent("ListAccessKeys", keys, offset, |iam| {
            iam.list_access_keys()
                .user_name(user)
                .into_paginator()
                .items()
                .send()
                .collect::<Result<Vec<_>, _>>()
        });
        reply.and_then(|keys| Ok(keys.into_iter().filter_map(key_info).collect()))
    }
}

fn user_info(operation: &'static str, user: Option<User>) -> Result<UserInfo, AwsError> {
    let user = user.ok_or_else(|| AwsError::incomplete(operation))?;
    Ok(UserInfo { name: user.user_name, arn: user.arn, path: user.path })
}

fn key_info(key: AccessKeyMetadata) -> Option<AccessKeyInfo> {
    Some(AccessKeyInfo {
        id: key.access_key_id?,
        active: key.status == Some(StatusType::Active),
        created: key.create_date.and_then(|date| DateTime::from_timestamp(date.secs(), 0)),
    })
}
