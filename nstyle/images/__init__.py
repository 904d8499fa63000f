"""Pictures as arrays: reading, writing, colours, sizes, masks. Knows no network.

picture: `Picture`, the pixels and the alpha channel; resizing.
image_file: reads and writes pictures.
codecs: converts between pillow's modes, colour profiles and arrays.
color: keeps or matches colours.
filters: removes noise.
sizes: computes the sizes of pictures.
masks: reads the colours of a mask.
regions: pairs the regions of photo and painting.
contact_sheet: arranges pictures in a grid.
image_paths: finds photos, names results.
video_writer: writes films.
"""
