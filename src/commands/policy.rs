//! `awsmfa policy`: prints an IAM policy for users who manage their own MFA.

use crate::error::CommandResult;
use crate::model::policy;
use crate::ui::Ui;

/// Print an IAM policy that lets users manage their own MFA and denies everything else until they use it
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Without MFA, users can enroll a device and get a session, but nothing else.

With MFA, the policy denies nothing; other policies decide what else the user may do.

Users with a path (`/eng/bob`) are covered by `user/*/${aws:username}` in addition to \
`user/${aws:username}`. This pattern matches no other user, because the name is the part after the last slash \
and is unique in the account.

With MFA, users can also delete the virtual device that has their own name, so that `awsmfa device \
remove` leaves nothing behind, and replace their own access keys with `awsmfa keys rotate`. AWS's example policy \
allows neither.

Examples:
  awsmfa policy > manage-own-mfa.json
  aws iam create-policy --policy-name ManageOwnMFA --policy-document file://manage-own-mfa.json
  aws iam attach-group-policy --group-name people \\
      --policy-arn arn:aws:iam::123456789012:policy/ManageOwnMFA")]
pub struct PolicyArgs {
    /// Limit the policy to this account (twelve digits) [default: any account]
    #[arg(long, value_name = "ID", value_parser = account)]
    account: Option<String>,
    /// AWS partition
    #[arg(long, value_name = "PARTITION", default_value = "aws", value_parser = ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"])]
    partition: String,
}

pub fn run(ui: &Ui, args: &PolicyArgs) -> CommandResult {
    let policy = policy::manage_own_mfa(&args.partition, args.account.as_deref().unwrap_or("*"));
    Ok(ui.result(&format!("{policy}\n"))?)
}

fn account(text: &str) -> Result<String, &'static str> {
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an account ID has twelve digits")
    }
}
