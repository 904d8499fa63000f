#!/bin/bash
cd /work/train3
S=/work/shared
exec nice -n ${NICE:-5} /work/venv/bin/python -m nstyle distill --teacher $S/weights/vgg16.params --pictures $S/images/photos --pictures $S/images/art --pictures /tmp/painted --heldout $S/images/heldout.txt --widths 32,32,64,64,128,128,128,320,288,288,512,384 --bits 8 --start ${START:-nstyle/networks/pretrained/vgg16-slim.params} --rate ${RATE:-0.005} --seed ${SEED:-3} --steps 100000 --minutes ${MIN:-150} --output /work/train3/out.params --checkpoint /work/train3/ck.npz --curve /work/train3/curve.jsonl --save-steps 50 >> /work/train3/log.txt 2>&1
