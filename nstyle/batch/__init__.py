"""Many pictures: jobs, workers of this machine or of a cluster, a manifest.

run: gives out jobs, writes results.
options: the options of `nstyle batch`.
jobs: the jobs, from flags or a file, and the names of their results.
job_file: reads CSV and JSON lines.
workers: how many processes paint, and whether on a GPU.
tasks: a job as JSON.
worker: the process that paints jobs.
local: the processes of this machine.
cluster: the workers of a Dask cluster.
parcels: sends files to workers that cannot see them.
checksums: checksums of what a job reads.
manifest: writes a line for each job.
"""
