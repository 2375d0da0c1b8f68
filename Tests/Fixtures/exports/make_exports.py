#!/usr/bin/env python3
"""Trains small scikit-learn and LightGBM models and writes them as their ONNX exporters make them.

Needs the packages of requirements.txt; the files are committed, so the tests need none of them.
"""

from pathlib import Path

import lightgbm
import numpy as np
import onnxmltools
import pandas
from onnxmltools.convert.common import data_types as lightgbm_types
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn import (
    compose,
    ensemble,
    impute,
    linear_model,
    naive_bayes,
    neural_network,
    pipeline,
    preprocessing,
    svm,
)

FOLDER = Path(__file__).parent
OPSETS = {"": 17, "ai.onnx.ml": 3}
COLUMNS = 6
ROWS = 120


def save(name, model):
    data = model.SerializeToString()
    (FOLDER / f"{name}.onnx").write_bytes(data)
    print(f"{name}: {len(data)} bytes, {sorted({node.op_type for node in model.graph.node})}")


def export(name, model, kinds=None):
    """Labels and a matrix of probabilities, in place of a sequence of maps."""
    kinds = kinds or [("x", FloatTensorType([None, COLUMNS]))]
    options = {} if hasattr(model, "transform") or not hasattr(model, "predict_proba") else {
        "zipmap": False}
    save(name, to_onnx(model, initial_types=kinds, target_opset=OPSETS, options=options))


def main():
    random = np.random.default_rng(5)
    x = random.standard_normal((ROWS, COLUMNS)).astype(np.float32)
    label = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int) + (x[:, 3] > 1)
    value = x[:, 0] * 2 - x[:, 1] ** 2

    export("logistic", pipeline.make_pipeline(
        preprocessing.StandardScaler(), linear_model.LogisticRegression()).fit(x, label))
    export("forest", ensemble.RandomForestClassifier(8, max_depth=3, random_state=1).fit(x, label))
    export("boosted", ensemble.GradientBoostingRegressor(
        n_estimators=8, max_depth=2, random_state=1).fit(x, value))
    export("ridge", pipeline.make_pipeline(
        impute.SimpleImputer(), preprocessing.MinMaxScaler(), linear_model.Ridge()).fit(x, value))
    export("perceptron", neural_network.MLPClassifier(
        (8,), max_iter=40, random_state=1).fit(x, label))
    export("bayes", naive_bayes.GaussianNB().fit(x, label))
    export("support", svm.LinearSVC(random_state=1).fit(x, label))

    words = np.array(["red", "green", "blue"])[random.integers(0, 3, ROWS)]
    table = np.empty((ROWS, 2), object)
    table[:, 0], table[:, 1] = x[:, 0], words
    mixed = pipeline.make_pipeline(
        compose.ColumnTransformer([
            ("number", preprocessing.StandardScaler(), ["number"]),
            ("word", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["word"])]),
        linear_model.LogisticRegression())
    mixed.fit(pandas.DataFrame({"number": x[:, 0], "word": words}), label > 0)
    export("columns", mixed, [("number", FloatTensorType([None, 1])),
                              ("word", StringTensorType([None, 1]))])

    boosted = lightgbm.LGBMClassifier(n_estimators=6, num_leaves=6, verbose=-1, random_state=1)
    save("lightgbm", onnxmltools.convert_lightgbm(
        boosted.fit(x, label), zipmap=False, target_opset=15,
        initial_types=[("x", lightgbm_types.FloatTensorType([None, COLUMNS]))]))


if __name__ == "__main__":
    main()
