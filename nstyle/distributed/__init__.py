"""One picture on the workers of a Dask cluster.

run: paints the picture.
options: the options of `nstyle mural`.
dask_cluster: the only import of Dask.
partition: cuts the picture into parts.
actors: keeps an actor at each worker.
actor: runs at a worker.
part: paints one part.
pool: asks all parts, restores lost ones.
messages: what travels between the parts.
objective: loss and gradient of all parts.
spread: arrays that lie in parts.
"""
