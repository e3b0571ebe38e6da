//! `awsmfa console`

use crate::choice::Named;
use crate::console::{self, Options};
use crate::context::Context;
use crate::error::{CommandError, CommandResult, ErrorKind};
use crate::model::console::Service;
use crate::model::duration::{SessionDuration, in_words};
use crate::model::region::Region;

/// Open the AWS console with a role's session
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The profile needs a `role_arn`: AWS does not open the console for a user's own session.

Anyone who has the printed URL can sign in with it for 15 minutes. Without `--print`, no other user of this computer can see it.

The programs in `BROWSER` are tried before the desktop's browser, for example `BROWSER='firefox --private-window'`.

Examples:
  awsmfa console --profile admin
  awsmfa console --profile admin --service s3 --region eu-west-1
  awsmfa console --profile admin --duration 8h --print
  awsmfa console --profile admin --policy arn:aws:iam::aws:policy/ReadOnlyAccess")]
pub struct ConsoleArgs {
    #[command(flatten)]
    profile: super::ProfileArg,
    /// Print the URL instead of opening it in a browser
    #[arg(long)]
    print: bool,
    /// Service to show, such as `s3`, `ec2` or `cloudwatch` [default: the console's home page]
    #[arg(long, value_name = "NAME")]
    service: Option<Service>,
    /// Duration of the console session, 15m to 12h [default: as long as the role's session]
    #[arg(long, value_name = "TIME")]
    duration: Option<SessionDuration>,
    #[command(flatten)]
    policies: super::PolicyArgs,
    /// Region to show [default: the profile's region]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
}

pub fn run(ctx: &Context, args: &ConsoleArgs) -> CommandResult {
    let region = args.region.as_deref().map(region).transpose()?;
    let policy = args.policies.read()?;
    let options = Options { duration: args.duration, policy, region, service: args.service.clone() };
    let named = Named::of(args.profile.profile.as_deref(), &ctx.env);
    let sign_in = console::sign_in(ctx, named, &options)?;
    if args.print {
        return Ok(ctx.ui.result(&format!("{}\n", sign_in.url.expose()))?);
    }
    console::open(ctx, &sign_in)?;
    let lasts = in_words(sign_in.lasts);
    ctx.ui.say(format_args!("opened the console for `{}` in the browser, for {lasts}", sign_in.profile));
    Ok(())
}

fn region(text: &str) -> CommandResult<Region> {
    let region = text.parse::<Region>();
    let region =
        region.and_then(|region| if region.has_aws_form() { Ok(region) } else { Err(region.as_unknown()) });
    region.map_err(|error| {
        let example = error.near.unwrap_or("us-east-1");
        CommandError::new(ErrorKind::Usage, &error).hint(format!("use `--region {example}`"))
    })
}
