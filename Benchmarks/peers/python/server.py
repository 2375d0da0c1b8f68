"""A FastAPI server of one model: protobuf in HTTP's bodies, ONNX Runtime, the model run on the
event loop as what is cheaper than a thread's turn should be. run.py starts it by uvicorn, with
uvloop and httptools; the environment names the model and the folder of the generated messages."""

import os
import sys

import numpy
import onnxruntime
from fastapi import FastAPI, Request, Response

sys.path.insert(0, os.environ["PEER_MESSAGES"])
from strongroom.v1 import prediction_pb2 as messages  # noqa: E402

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(
    os.environ["PEER_MODEL"], options, providers=["CPUExecutionProvider"])
app = FastAPI()


@app.post("/strongroom.v1.Prediction/Predict")
async def predict(request: Request):
    asked = messages.PredictRequest.FromString(await request.body())
    tensor = asked.inputs[0]
    rows = numpy.frombuffer(tensor.data, "<f4").reshape(tensor.shape)
    values = session.run(["y"], {tensor.name: rows})[0]
    output = messages.Tensor(
        name="y", data_type=messages.DATA_TYPE_FP32, shape=values.shape, data=values.tobytes())
    answer = messages.PredictResponse(
        model_name=asked.model.name, model_version=1, outputs=[output])
    return Response(answer.SerializeToString(), media_type="application/proto")
