// Prints the identity of the AWS SDK for JavaScript with the profile in the first argument, or in the environment. The
// profile is set in AWS_PROFILE or, if the second argument is `client`, only for the client.
const [profile, to] = process.argv.slice(2);
if (profile && to !== "client") process.env.AWS_PROFILE = profile;
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");

new STSClient(to === "client" ? { profile } : {}).send(new GetCallerIdentityCommand()).then(
  ({ Arn }) => console.log(JSON.stringify({ Arn })),
  (error) => {
    console.error(String(error));
    process.exitCode = 1;
  },
);
