//! The connection to AWS: proxies, certificates, endpoints, regions and partitions. A proxy routes the real host names to
//! fake-aws.

use fake_aws::{FakeAws, Proxy, RoleSpec};

use crate::support::World;

/// fake-aws under an AWS host name with TLS, reached through a proxy, with its CA in a file.
struct Hosted {
    world: World,
    proxy: Proxy,
}

/// Everything is set except the profile's region.
fn hosted(host: &str, builder: fake_aws::Builder) -> Hosted {
    let mut world = World::with(builder.host_name(host).start());
    let proxy =
        Proxy::builder().basic_auth("me", "secret").route(&format!("{host}:443"), world.aws.port()).start();
    world.home.write("ca.pem", world.aws.ca_pem().unwrap());
    world.home.unset("AWS_ENDPOINT_URL");
    world.home.set("HTTPS_PROXY", &proxy.url().replace("http://", "http://me:secret@"));
    let bundle = world.home.join("ca.pem");
    world.home.set("AWS_CA_BUNDLE", bundle.to_str().unwrap());
    world.import();
    Hosted { world, proxy }
}

impl Hosted {
    fn config(&self, settings: &str) {
        self.world
            .home
            .write_config(&format!("[profile dev]\nmfa_serial = {}\n{settings}", self.world.device.serial));
    }

    #[track_caller]
    fn assert_login_connects_to(&self, host: &str) {
        self.world.home.awsmfa(["login", "-p", "dev"]).run().success();
        let seen = self.proxy.seen();
        assert!(!seen.is_empty());
        for target in seen {
            assert_eq!(
                (target.method.as_str(), target.host.as_str()),
                ("CONNECT", format!("{host}:443").as_str())
            );
        }
    }
}

#[test]
fn sts_of_the_region_is_reached_through_the_proxy() {
    let hosted = hosted("sts.eu-central-1.amazonaws.com", FakeAws::builder());
    hosted.config("region = eu-central-1\n");
    hosted.assert_login_connects_to("sts.eu-central-1.amazonaws.com");
}

#[test]
fn partition_determines_the_endpoint_if_there_is_no_region() {
    for (partition, host) in [
        ("aws", "sts.us-east-1.amazonaws.com"),
        ("aws-cn", "sts.cn-north-1.amazonaws.com.cn"),
        ("aws-us-gov", "sts.us-gov-west-1.amazonaws.com"),
    ] {
        let hosted = hosted(host, FakeAws::builder().partition(partition));
        hosted.config("");
        hosted.assert_login_connects_to(host);
    }
}

#[test]
fn console_of_each_partition_is_reached_through_the_proxy() {
    for (partition, host) in [
        ("aws", "signin.aws.amazon.com"),
        ("aws-cn", "signin.amazonaws.cn"),
        ("aws-us-gov", "signin.amazonaws-us-gov.com"),
        ("aws-eusc", "eusc-de-east-1.signin.amazonaws-eusc.eu"),
    ] {
        let mut hosted = hosted(host, FakeAws::builder().partition(partition));
        let role = hosted.world.aws.add_role("admin", RoleSpec::default());
        hosted.config(&format!("[profile adm]\nrole_arn = {}\nsource_profile = dev\n", role.arn));
        // Its certificate is for one host, so STS is there, too.
        hosted.world.home.set("AWS_ENDPOINT_URL_STS", &format!("https://{host}"));
        let url = hosted.world.home.awsmfa(["console", "-p", "adm", "--print"]).run().success().out();
        assert!(url.starts_with(&format!("https://{host}/federation?")), "{url}");
        let connected = hosted.proxy.seen();
        assert!(connected.iter().all(|target| target.host == format!("{host}:443")), "{connected:?}");
        assert!(connected.len() >= 2, "{connected:?}");
    }
}

#[test]
fn fips_and_dual_stack_endpoints_are_used() {
    let fips = hosted("sts-fips.us-east-1.amazonaws.com", FakeAws::builder());
    fips.config("region = us-east-1\nuse_fips_endpoint = true\n");
    fips.assert_login_connects_to("sts-fips.us-east-1.amazonaws.com");
    let dual = hosted("sts.eu-west-1.api.aws", FakeAws::builder());
    dual.config("region = eu-west-1\nuse_dualstack_endpoint = true\n");
    dual.assert_login_connects_to("sts.eu-west-1.api.aws");
}

#[test]
fn region_variable_overrides_the_profile() {
    let mut hosted = hosted("sts.eu-west-3.amazonaws.com", FakeAws::builder());
    hosted.config("region = eu-central-1\n");
    hosted.world.home.set("AWS_REGION", "eu-west-3");
    hosted.assert_login_connects_to("sts.eu-west-3.amazonaws.com");
}

#[test]
fn unknown_certificate_is_rejected_without_a_bundle() {
    let mut world = World::with(FakeAws::builder().https().start());
    world.import();
    let ran = world.home.awsmfa(["login", "-p", "dev"]).run().code(6);
    insta::assert_snapshot!(ran.err(), @"
    error: the connection to `[AWS]` is not trusted: invalid peer certificate: UnknownIssuer
    hint: set `AWS_CA_BUNDLE` to the certificates of your proxy if it inspects TLS
    hint: set this computer's clock: `sudo timedatectl set-ntp true`
    ");
    assert!(world.aws.requests().is_empty());
    // A bundle that also contains other text, like those of many companies.
    let junk = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    world.home.write("ca.pem", &format!("# company\n{junk}{}", world.aws.ca_pem().unwrap()));
    let config = world.home.read(".aws/config");
    world.home.write_config(&format!("{config}ca_bundle = ~/ca.pem\n"));
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    // An unreadable bundle is an error, not a panic.
    world.home.set("AWS_CA_BUNDLE", "/nowhere.pem");
    let ran = world.home.awsmfa(["login", "-p", "dev", "--force"]).run().code(3);
    insta::assert_snapshot!(ran.err(), @"
    error: cannot read the CA bundle `/nowhere.pem`: No such file or directory (os error [N])
    hint: set `AWS_CA_BUNDLE` or the profile's `ca_bundle` to a file of PEM certificates
    ");
    world.home.write("ca.pem", junk);
    world.home.unset("AWS_CA_BUNDLE");
    let ran = world.home.awsmfa(["login", "-p", "dev", "--force"]).run().code(3);
    insta::assert_snapshot!(ran.err(), @"
    error: the CA bundle `~/ca.pem` has no usable PEM certificate
    hint: set `AWS_CA_BUNDLE` or the profile's `ca_bundle` to a file of PEM certificates
    ");
}

#[test]
fn http_endpoints_use_http_proxy_and_no_proxy() {
    let mut world = World::imported();
    let proxy = Proxy::start();
    world.home.set("HTTP_PROXY", &proxy.url());
    world.home.set("HTTPS_PROXY", "http://127.0.0.1:9");
    world.home.awsmfa(["login", "-p", "dev"]).run().success();
    assert_eq!(proxy.seen().len(), 1);
    world.home.set("NO_PROXY", "localhost,127.0.0.1");
    world.home.awsmfa(["login", "-p", "dev", "--force"]).run().success();
    assert_eq!(proxy.seen().len(), 1);
}

#[test]
fn unreachable_host_and_mistyped_region_are_reported() {
    let mut world = World::imported();
    world.home.unset("AWS_ENDPOINT_URL");
    // Nothing listens at this proxy, so no name is looked up.
    world.home.set("HTTPS_PROXY", "http://user:hunter2@127.0.0.1:9");
    let login = |world: &World| world.home.awsmfa(["login", "-p", "dev"]).run().code(6).err();
    let serial = format!("mfa_serial = {}", world.device.serial);
    let config =
        |region: &str| world.home.write_config(&format!("[profile dev]\n{serial}\nregion = {region}\n"));
    config("us-esat-1");
    insta::assert_snapshot!(login(&world), @"
    error: cannot reach `sts.us-esat-1.amazonaws.com`: Connection refused (os error [N])
    hint: set the region to `us-east-1`: `us-esat-1` is not a known AWS region
    hint: check the network and the proxy `[AWS]`
    ");
    // An unknown region is tried anyway.
    config("xx-nowhere-7");
    insta::assert_snapshot!(login(&world), @"
    error: cannot reach `sts.xx-nowhere-7.amazonaws.com`: Connection refused (os error [N])
    hint: check the region: `xx-nowhere-7` is not a known AWS region
    hint: check the network and the proxy `[AWS]`
    ");
    config("eu-central-1");
    insta::assert_snapshot!(login(&world), @"
    error: cannot reach `sts.eu-central-1.amazonaws.com`: Connection refused (os error [N])
    hint: check the network and the proxy `[AWS]`
    ");
    world.home.set("AWS_ENDPOINT_URL", "https://localhost:9");
    world.home.set("NO_PROXY", "*");
    world.home.unset("HTTPS_PROXY");
    insta::assert_snapshot!(login(&world), @"
    error: cannot reach `localhost:9`: Connection refused (os error [N])
    hint: check the network and the endpoint, `AWS_ENDPOINT_URL` or the profile's `endpoint_url`
    ");
}

#[test]
fn proxy_passwords_are_read_as_in_the_aws_cli() {
    for (password, spelling) in [("p@ss", "p@ss"), ("p:a:ss", "p:a:ss"), ("p/ss", "p%2Fss"), ("p%ss", "p%ss")]
    {
        let mut world = World::imported();
        let proxy = Proxy::builder().basic_auth("alice", password).start();
        world.home.set("HTTP_PROXY", &proxy.url().replace("http://", &format!("http://alice:{spelling}@")));
        world.home.awsmfa(["login", "-p", "dev"]).run().success();
        assert!(proxy.seen().iter().all(|target| target.passed) && !proxy.seen().is_empty(), "{spelling}");
    }
}

#[test]
fn endpoints_come_from_variables_then_services_then_the_profile() {
    let mut world = World::imported();
    let nowhere = "http://127.0.0.1:9";
    let (endpoint, serial) = (world.aws.endpoint(), world.device.serial.clone());
    let login = |world: &World| world.home.awsmfa(["login", "-p", "dev", "--force"]).run();
    // The variable for one service overrides the general one.
    world.home.set("AWS_ENDPOINT_URL", nowhere);
    world.home.set("AWS_ENDPOINT_URL_STS", &endpoint);
    login(&world).success();
    world.home.unset("AWS_ENDPOINT_URL_STS");
    world.home.unset("AWS_ENDPOINT_URL");
    // The services section overrides the profile's own setting.
    world.home.write_config(&format!("[profile dev]\nmfa_serial = {serial}\nendpoint_url = {endpoint}\n"));
    login(&world).success();
    world.home.write_config(&format!(
        "[profile dev]\nmfa_serial = {serial}\nendpoint_url = {nowhere}\nservices = local\n\n\
         [services local]\nsts =\n  endpoint_url = {endpoint}\n"
    ));
    login(&world).success();
}
