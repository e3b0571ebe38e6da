// Prints what the AWS SDK for JavaScript reads from pairs of AWS files. Arguments: `FOLDER COUNT`, as for examples/read_profiles.rs.
const path = require("path");
const { parseKnownFiles } = require("@smithy/core/config");

const [folder, count] = [process.argv[2], Number(process.argv[3])];
const SETTINGS = [
  "region", "output", "role_arn", "source_profile", "mfa_serial", "external_id", "duration_seconds", "credential_process",
  "endpoint_url",
];

// As in credential-provider-ini.
const isStatic = (profile) =>
  typeof profile.aws_access_key_id === "string" &&
  typeof profile.aws_secret_access_key === "string" &&
  ["undefined", "string"].includes(typeof profile.aws_session_token);

async function read(index) {
  const file = (kind) => path.join(folder, `${index}.${kind}`);
  const known = await parseKnownFiles({ filepath: file("credentials"), configFilepath: file("config"), ignoreCache: true });
  const profiles = {};
  for (const [name, profile] of Object.entries(known)) {
    const settings = Object.fromEntries(SETTINGS.filter((key) => profile[key]).map((key) => [key, profile[key]]));
    if (isStatic(profile)) {
      settings.keys = [profile.aws_access_key_id, profile.aws_secret_access_key, profile.aws_session_token ?? null];
    }
    profiles[name] = settings;
  }
  return { profiles };
}

(async () => {
  for (let index = 0; index < count; index++) {
    console.log(JSON.stringify(await read(index)));
  }
})();
