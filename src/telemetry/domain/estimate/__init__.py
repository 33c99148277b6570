"""What a fleet costs on SQS and S3: from its records to requests, and from requests and bytes to dollars."""
