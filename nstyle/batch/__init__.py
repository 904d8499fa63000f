"""Many photos in many styles, by several processes of this machine or by a Dask cluster."""
