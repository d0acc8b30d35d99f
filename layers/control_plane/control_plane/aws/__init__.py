"""Adapters that implement the ports with AWS services. Only these modules import boto3."""
