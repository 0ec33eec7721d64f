"""Batch prediction by Vertex AI's SDK: a job of its own making, one with keys by the client beneath it, lists, an end and a cancel."""

import json
import os
import sys
import time

import google.auth.transport.requests
import requests
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import aiplatform
from google.cloud.aiplatform_v1.services.job_service import JobServiceClient
from google.cloud.aiplatform_v1.types import BatchPredictionJob, ListBatchPredictionJobsResponse
from google.oauth2 import service_account
from google.protobuf import json_format

given = json.loads(sys.argv[1])
settings, bucket = given["settings"], given["bucket"]
credentials = service_account.Credentials.from_service_account_file(
    os.environ["GOOGLE_APPLICATION_CREDENTIALS"], scopes=["https://www.googleapis.com/auth/cloud-platform"]
)
aiplatform.init(
    project=settings["project_id"],
    location=settings["region"],
    api_endpoint=given["url"],
    api_transport="rest",
    credentials=credentials,
)
own = aiplatform.Model(given["model"]).batch_predict(
    job_display_name="sdk", gcs_source=[f"{bucket}/in/*"], gcs_destination_prefix=f"{bucket}/out",
    machine_type="n1-standard-2", batch_size=4, labels={"team": "risk"}, sync=True,
)  # fmt: skip
jobs = JobServiceClient(credentials=credentials, transport="rest", client_options={"api_endpoint": given["url"]})
parent = f"projects/{settings['project_id']}/locations/{settings['region']}"


def asked(name: str, **more: object) -> BatchPredictionJob:
    return BatchPredictionJob(
        display_name=name, model=given["model"],
        input_config={"instances_format": "jsonl", "gcs_source": {"uris": [f"{bucket}/in/*"]}},
        output_config={"predictions_format": "jsonl", "gcs_destination": {"output_uri_prefix": f"{bucket}/out"}},
        dedicated_resources={"machine_spec": {"machine_type": "n1-standard-2"}, "max_replica_count": 2}, **more,
    )  # fmt: skip


def end(name: str) -> BatchPredictionJob:
    while (job := jobs.get_batch_prediction_job(name=name)).state.name in ("JOB_STATE_PENDING", "JOB_STATE_RUNNING"):
        time.sleep(0.05)
    return job


keyed = end(
    jobs.create_batch_prediction_job(
        parent=parent,
        batch_prediction_job=asked("keyed", instance_config={"key_field": "id", "excluded_fields": ["note"]}),
    ).name
)
failed = end(
    jobs.create_batch_prediction_job(
        parent=parent,
        batch_prediction_job=asked("failed", instance_config={"key_field": "none"}),
    ).name
)
try:
    jobs.cancel_batch_prediction_job(name=keyed.name)
    refused = ""
except GoogleAPICallError as error:
    refused = type(error).__name__

# Strict: unknown fields, wrong types and unknown enums are errors, which the client above would pass over.
credentials.refresh(google.auth.transport.requests.Request())
headers = {"Authorization": f"Bearer {credentials.token}"}
base = f"{given['url']}/v1/{parent}/batchPredictionJobs"
text = requests.get(base, headers=headers).text
json_format.Parse(text, ListBatchPredictionJobsResponse.pb(ListBatchPredictionJobsResponse()))
for name in (own.resource_name, keyed.name, failed.name):
    text = requests.get(f"{given['url']}/v1/{name}", headers=headers).text
    json_format.Parse(text, BatchPredictionJob.pb(BatchPredictionJob()))
names = [job.display_name for job in jobs.list_batch_prediction_jobs(parent=parent)]
found = [job.display_name for job in aiplatform.BatchPredictionJob.list(filter='display_name="sdk"')]
told = [own.state.name, own.output_info.gcs_output_directory, own.completion_stats.successful_count]
partial = len(own.partial_failures)
own.delete()
print(
    json.dumps(
        {
            "own": told,
            "keyed": [keyed.state.name, keyed.output_info.gcs_output_directory, keyed.model_version_id],
            "failed": [failed.state.name, failed.error.code],
            "partial": partial,
            "refused": refused,
            "names": names,
            "found": found,
            "left": [job.display_name for job in jobs.list_batch_prediction_jobs(parent=parent)],
        }
    )
)
