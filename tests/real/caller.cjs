// Prints who the AWS SDK for JavaScript is with the profile of the first argument, or else of the environment. The profile
// is given in AWS_PROFILE, or to the client alone if the second argument is `client`.
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
