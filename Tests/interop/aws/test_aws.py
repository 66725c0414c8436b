"""The library's transport for AWS against moto's server, a double of AWS that its makers test against AWS itself: the whole contract over SNS and SQS,
plain and FIFO, and over EventBridge; and what boto3, AWS's own client, sees of it and puts into it."""

import json
import os
import subprocess

import boto3
import pytest

from aws_double import KEYS, REGION


def run(bus_check, *arguments, **options):
    """Runs the program and returns what it said."""
    result = subprocess.run(
        [bus_check, *arguments], capture_output=True, text=True, timeout=900, env={**os.environ, **options})
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("url", [
    f"aws://testing:testing@{REGION}?endpoint=ADDRESS",
    f"aws://testing:testing@{REGION}?fifo=true&endpoint=ADDRESS",
    f"eventbridge://testing:testing@{REGION}/shop?endpoint=ADDRESS",
], ids=["sns and sqs", "fifo", "eventbridge"])
def test_the_contract_of_transports_is_kept(bus_check, aws, url):
    # One promise at a time: moto loses events that come while another thread changes its rules.
    report = run(bus_check, url.replace("ADDRESS", aws), "--jobs", "1", "--patience", "120")
    assert " 0 broken" in report, report


def test_the_environment_says_who_and_where(bus_check, aws):
    report = run(
        bus_check, "aws:", "--only", "one receipt for each event", AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing", AWS_REGION=REGION, AWS_ENDPOINT_URL=aws)
    assert "1 promises kept, 0 broken" in report


def test_without_credentials_the_error_says_where_they_were_looked_for(bus_check, aws, tmp_path):
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    environment |= {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
    result = subprocess.run(
        [bus_check, f"aws://{REGION}?endpoint={aws}", "--only", "one receipt for each event"],
        capture_output=True, text=True, timeout=120, env=environment)
    assert result.returncode == 1
    assert "no AWS credentials were found" in result.stdout
    assert "the environment: none" in result.stdout


def test_what_is_made_in_aws_is_what_the_page_says(bus_check, aws):
    run(bus_check, f"aws://testing:testing@{REGION}?endpoint={aws}", "--only", "dead letter is kept with its reason")
    sns, sqs = (boto3.client(name, endpoint_url=aws, **KEYS) for name in ("sns", "sqs"))
    topics = [topic["TopicArn"] for topic in sns.list_topics()["Topics"]]
    assert topics and all(arn.split(":")[-1].startswith("contract-") for arn in topics)
    queues = sqs.list_queues()["QueueUrls"]
    work = [url for url in queues if not url.endswith("dead-letter")]
    assert work and len(queues) == 2 * len(work)
    attributes = sqs.get_queue_attributes(QueueUrl=work[0], AttributeNames=["All"])["Attributes"]
    assert json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"].endswith("__dead-letter")
    statement = json.loads(attributes["Policy"])["Statement"][0]
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"] in topics
    dead = sqs.receive_message(QueueUrl=f"{work[0]}__dead-letter", MessageAttributeNames=["All"])["Messages"][0]
    assert json.loads(dead["Body"])["specversion"] == "1.0"
    assert dead["MessageAttributes"]["apus-reason"]["StringValue"]


@pytest.mark.parametrize("url", [
    f"aws://testing:testing@{REGION}?endpoint=ADDRESS", f"eventbridge://testing:testing@{REGION}/shop?endpoint=ADDRESS",
], ids=["sns and sqs", "eventbridge"])
def test_the_shop_runs_unchanged(shop, aws, url):
    shop(url.replace("ADDRESS", aws), "--count", "40")
