//! AWS partitions: separate clouds with their own ARNs, regions and endpoints.

/// The partition of an ARN; `aws` for anything else.
pub fn of_arn(arn: &str) -> &str {
    arn.strip_prefix("arn:")
        .and_then(|rest| rest.split(':').next())
        .filter(|p| !p.is_empty())
        .unwrap_or("aws")
}

/// Whether the partition is in the list below.
pub fn is_known(partition: &str) -> bool {
    partition == "aws" || default_region(partition) != default_region("aws")
}

/// The region to use if none is configured: the one that signs for IAM in the partition (from the AWS SDKs' endpoint rule
/// set). Unknown partitions get that of `aws`.
pub fn default_region(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-f" => "us-isof-south-1",
        "aws-eusc" => "eusc-de-east-1",
        _ => "us-east-1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_is_read_from_the_arn() {
        assert_eq!(of_arn("arn:aws-cn:iam::123456789012:mfa/alice"), "aws-cn");
        assert_eq!(of_arn("GAHT12345678"), "aws");
        assert_eq!(default_region(of_arn("arn:aws-us-gov:iam::123456789012:mfa/alice")), "us-gov-west-1");
        assert_eq!(default_region("aws-iso-e"), "eu-isoe-west-1");
        assert!(is_known("aws") && is_known("aws-us-gov") && !is_known("aws-new"));
    }
}
