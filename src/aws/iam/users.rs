//! Users, and what is made for a new one: policies, a console password, access keys.

use aws_sdk_iam::types::{StatusType, User};
use aws_smithy_types::retry::RetryConfig;
use chrono::{DateTime, TimeDelta, Utc};

use super::super::client::{Aws, Keys, Reply};
use super::super::errors::AwsError;
use super::{Tag, incomplete, sdk_tags};
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
        self.request(keys, offset, RetryConfig::standard(), |config, watch| async move {
            let request = self.iam(&config, watch).get_user().set_user_name(user.map(str::to_owned));
            let output = request.send().await.map_err(|e| AwsError::from_sdk(OPERATION, &e))?;
            output.user.map(user_info).ok_or_else(|| incomplete(OPERATION))
        })
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
        self.request(keys, offset, RetryConfig::disabled(), |config, watch| async move {
            let request = self.iam(&config, watch).create_user().user_name(name).path(path);
            let request = request.set_tags(sdk_tags(OPERATION, tags)?);
            let output = request.send().await.map_err(|e| AwsError::from_sdk(OPERATION, &e))?;
            output.user.map(user_info).ok_or_else(|| incomplete(OPERATION))
        })
    }

    /// AttachUserPolicy. A policy that is attached already stays so, so it may be repeated.
    pub fn attach_user_policy(
        &self,
        keys: &Keys,
        user: &str,
        policy_arn: &str,
        offset: TimeDelta,
    ) -> Reply<()> {
        const OPERATION: &str = "AttachUserPolicy";
        self.request(keys, offset, RetryConfig::standard(), |config, watch| async move {
            let request = self.iam(&config, watch).attach_user_policy();
            let request = request.user_name(user).policy_arn(policy_arn);
            request.send().await.map(drop).map_err(|e| AwsError::from_sdk(OPERATION, &e))
        })
    }

    /// CreateLoginProfile, sent once: a password for the console, which the user has to change at once.
    pub fn create_login_profile(
        &self,
        keys: &Keys,
        user: &str,
        password: &Secret<String>,
        offset: TimeDelta,
    ) -> Reply<()> {
        const OPERATION: &str = "CreateLoginProfile";
        self.request(keys, offset, RetryConfig::disabled(), |config, watch| async move {
            let request = self.iam(&config, watch).create_login_profile();
            let request = request.user_name(user).password(password.expose()).password_reset_required(true);
            request.send().await.map(drop).map_err(|e| AwsError::from_sdk(OPERATION, &e))
        })
    }

    /// CreateAccessKey, sent once. AWS tells the secret only here. With temporary keys IAM cannot tell whose the new
    /// key should be, so the user is always named.
    pub fn create_access_key(&self, keys: &Keys, user: &str, offset: TimeDelta) -> Reply<LongTermKeys> {
        const OPERATION: &str = "CreateAccessKey";
        self.request(keys, offset, RetryConfig::disabled(), |config, watch| async move {
            let request = self.iam(&config, watch).create_access_key().user_name(user);
            let output = request.send().await.map_err(|e| AwsError::from_sdk(OPERATION, &e))?;
            let key = output.access_key.ok_or_else(|| incomplete(OPERATION))?;
            Ok(LongTermKeys {
                access_key_id: key.access_key_id,
                secret_access_key: key.secret_access_key.into(),
            })
        })
    }

    /// DeleteAccessKey, sent once.
    pub fn delete_access_key(&self, keys: &Keys, user: &str, id: &str, offset: TimeDelta) -> Reply<()> {
        const OPERATION: &str = "DeleteAccessKey";
        self.request(keys, offset, RetryConfig::disabled(), |config, watch| async move {
            let request = self.iam(&config, watch).delete_access_key().user_name(user).access_key_id(id);
            request.send().await.map(drop).map_err(|e| AwsError::from_sdk(OPERATION, &e))
        })
    }

    /// ListAccessKeys, all pages.
    pub fn list_access_keys(&self, keys: &Keys, user: &str, offset: TimeDelta) -> Reply<Vec<AccessKeyInfo>> {
        const OPERATION: &str = "ListAccessKeys";
        self.request(keys, offset, RetryConfig::standard(), |config, watch| async move {
            let request = self.iam(&config, watch).list_access_keys().user_name(user);
            let mut pages = request.into_paginator().items().send();
            let mut found = Vec::new();
            while let Some(key) = pages.next().await {
                let key = key.map_err(|e| AwsError::from_sdk(OPERATION, &e))?;
                let Some(id) = key.access_key_id else { continue };
                let active = key.status == Some(StatusType::Active);
                let created = key.create_date.and_then(|date| DateTime::from_timestamp(date.secs(), 0));
                found.push(AccessKeyInfo { id, active, created });
            }
            Ok(found)
        })
    }
}

fn user_info(user: User) -> UserInfo {
    UserInfo { name: user.user_name, arn: user.arn, path: user.path }
}
