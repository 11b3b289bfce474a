// Package website serves buckets that have a website configuration to browsers: index and
// error documents, redirects, errors as pages. It is a listener of its own, as AWS's website
// endpoints are: what is a listing over the API is a page here, and nothing can be changed.
//
// The bucket is the host's first part below one of the configured domains, or the host
// itself where a bucket has that name. Which object a request reads and where it is sent is
// decided by package site, objects are read as anybody and answered as over the API (ranges,
// conditions). Until access rules let anybody read a bucket, its pages are 403, and its
// redirects work.
//
// Sources: "Hosting a static website using Amazon S3" in the User Guide, its pages on
// endpoints, index documents, error documents and redirects.
package website
