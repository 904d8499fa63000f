"""Weights files: found, downloaded, read.

reader: reads the convolutions of a file and checks them.
naming: recognises a VGG by the names of its arrays.
eight_bits: packs kernels in 8 bits.
convention: tells which pictures a VGG wants.
formats: opens files of five formats.
download: downloads weights, from several addresses if need be.
http: downloads one file.
"""
