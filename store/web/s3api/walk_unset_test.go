package s3api

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// unsetWalks are those of configurations that no bucket has.
func unsetWalks() map[string]walk {
	absent := func(code, because string) walk {
		return walk{answers: code, because: because, fails: []failure{notSet(code)}}
	}
	all := map[string]walk{
		"GetBucketReplication":             absent("ReplicationConfigurationNotFoundError", "there is no replication"),
		"DeleteBucketReplication":          {},
		"GetBucketAccelerateConfiguration": {},
		"PutBucketReplication": {input: func(_ *stroll, in any) {
			in.(*s3.PutBucketReplicationInput).ReplicationConfiguration = &types.ReplicationConfiguration{Role: aws.String("r"), Rules: []types.ReplicationRule{}}
		}},
		"PutBucketAccelerateConfiguration": {input: func(_ *stroll, in any) {
			in.(*s3.PutBucketAccelerateConfigurationInput).AccelerateConfiguration = &types.AccelerateConfiguration{Status: types.BucketAccelerateStatusEnabled}
		}},
		"PutBucketAnalyticsConfiguration": {input: func(_ *stroll, in any) {
			in.(*s3.PutBucketAnalyticsConfigurationInput).AnalyticsConfiguration = &types.AnalyticsConfiguration{Id: aws.String("one"), StorageClassAnalysis: &types.StorageClassAnalysis{}}
		}},
		"PutBucketMetricsConfiguration": {input: func(_ *stroll, in any) {
			in.(*s3.PutBucketMetricsConfigurationInput).MetricsConfiguration = &types.MetricsConfiguration{Id: aws.String("one")}
		}},
		"PutBucketInventoryConfiguration": {input: func(_ *stroll, in any) {
			in.(*s3.PutBucketInventoryConfigurationInput).InventoryConfiguration = &types.InventoryConfiguration{
				Id: aws.String("one"), IsEnabled: aws.Bool(true), IncludedObjectVersions: types.InventoryIncludedObjectVersionsAll,
				Schedule: &types.InventorySchedule{Frequency: types.InventoryFrequencyDaily},
				Destination: &types.InventoryDestination{S3BucketDestination: &types.InventoryS3BucketDestination{
					Bucket: aws.String("arn:aws:s3:::b"), Format: types.InventoryFormatCsv,
				}},
			}
		}},
		"PutBucketIntelligentTieringConfiguration": {input: func(_ *stroll, in any) {
			in.(*s3.PutBucketIntelligentTieringConfigurationInput).IntelligentTieringConfiguration = &types.IntelligentTieringConfiguration{
				Id: aws.String("one"), Status: types.IntelligentTieringStatusEnabled, Tierings: []types.Tiering{{AccessTier: types.IntelligentTieringAccessTierArchiveAccess, Days: aws.Int32(90)}},
			}
		}},
	}
	for _, kind := range []string{"Analytics", "Metrics", "Inventory", "IntelligentTiering"} {
		w := absent("NoSuchConfiguration", "no bucket has one")
		w.ready = func(_ *stroll, a *ask) { a.query.Set("id", "one") }
		all["GetBucket"+kind+"Configuration"] = w
		all["DeleteBucket"+kind+"Configuration"] = w
		all["ListBucket"+kind+"Configurations"] = walk{}
	}
	return all
}
