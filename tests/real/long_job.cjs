// A job that sends a request with one client of the AWS SDK for JavaScript again and again, for the seconds in the first argument,
// with credentials from the environment. Prints the access key IDs that it used and the requests that failed.
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");

const client = new STSClient({});
const end = Date.now() + 1000 * Number(process.argv[2]);

(async () => {
  const ids = new Set();
  const errors = [];
  let count = 0;
  do {
    count += 1;
    try {
      await client.send(new GetCallerIdentityCommand());
      ids.add((await client.config.credentials()).accessKeyId);
    } catch (error) {
      errors.push(String(error));
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  } while (Date.now() < end);
  console.log(JSON.stringify({ count, ids: [...ids], errors }));
})();
