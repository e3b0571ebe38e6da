//! `awsmfa policy`: the IAM policy under which all of this works.

use crate::error::CommandResult;
use crate::model::policy;
use crate::ui::Ui;

/// Print the IAM policy under which users manage their own MFA, and can do nothing else without it
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Without MFA, a user under this policy can enrol a device and ask for a session, and nothing more.
With MFA, the policy denies nothing: what else the user may do, other policies allow.

Users with a path (`/eng/bob`) are covered: `user/*/${aws:username}` stands beside
`user/${aws:username}`. It can be nobody else's ARN, because a user's name is what follows the last
slash, and unique in the account.

With MFA, users may also delete the virtual device that bears their own name, so that `awsmfa device
remove` leaves nothing behind. AWS's own example lacks this.

Examples:
  awsmfa policy > manage-own-mfa.json
  aws iam create-policy --policy-name ManageOwnMFA --policy-document file://manage-own-mfa.json
  aws iam attach-group-policy --group-name people --policy-arn arn:aws:iam::123456789012:policy/ManageOwnMFA")]
pub struct PolicyArgs {
    /// For this account alone, twelve digits [default: whichever it is attached in]
    #[arg(long, value_name = "ID", value_parser = account)]
    account: Option<String>,
    /// The AWS partition
    #[arg(long, value_name = "PARTITION", default_value = "aws", value_parser = ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"])]
    partition: String,
}

pub fn run(ui: &Ui, args: &PolicyArgs) -> CommandResult {
    let policy = policy::manage_own_mfa(&args.partition, args.account.as_deref().unwrap_or("*"));
    Ok(ui.result(&format!("{policy}\n"))?)
}

fn account(text: &str) -> Result<String, &'static str> {
    match text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(text.to_owned()),
        false => Err("an account ID is twelve digits"),
    }
}
