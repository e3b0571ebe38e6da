// Prints who the AWS SDK for JavaScript is with the profile of the first argument.
process.env.AWS_PROFILE = process.argv[2];
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");

new STSClient().send(new GetCallerIdentityCommand()).then(
  ({ Arn }) => console.log(JSON.stringify({ Arn })),
  (error) => {
    console.error(String(error));
    process.exitCode = 1;
  },
);
