"""What other frameworks call things, and what they are called here.

Tables only: `peer_calls` makes advice of them. A name that no table has gets no advice.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

T = TypeVar("T")


PACKAGES = frozenset(
    [
        "torch",
        "nn",
        "F",
        "tf",
        "keras",
        "layers",
        "np",
        "numpy",
        "jnp",
        "jax",
        "flax",
        "optim",
        "tensorflow",
        "onnx",
        "math",
        "torchvision",
        "self",
        "models",
        "activations",
        "losses",
    ]
)
"""First parts of dotted names that mean nothing here; what follows them may."""


class Peer(NamedTuple):
    """A layer of another framework: our name for it, and what its positional arguments are.

    An empty name in ``order`` is an argument that has no counterpart.
    """

    name: str
    order: tuple[str, ...] = ()


def _all(names: str, value: T) -> dict[str, T]:
    return dict.fromkeys(names.split(), value)


def _layers(names: str, ours: str, order: str = "") -> dict[str, Peer]:
    return _all(names, Peer(ours, tuple("" if n == "_" else n for n in order.split())))


LAYERS: dict[str, Peer] = {
    **_layers("Linear", "dense", "_ units bias"),
    **_layers("Dense", "dense", "units activation"),
    **_layers("Conv1d Conv2d Conv3d", "conv", "_ channels kernel stride pad dilation groups bias"),
    **_layers("Conv1D Conv2D Conv3D Conv", "conv", "channels kernel stride pad"),
    **_layers(
        "ConvTranspose1d ConvTranspose2d ConvTranspose3d",
        "conv_transpose",
        "_ channels kernel stride pad output_pad groups bias",
    ),
    **_layers(
        "Conv1DTranspose Conv2DTranspose Conv3DTranspose",
        "conv_transpose",
        "channels kernel stride pad",
    ),
    **_layers(
        "MaxPool1d MaxPool2d MaxPool3d MaxPool1D MaxPool2D MaxPool3D MaxPool MaxPooling1D"
        " MaxPooling2D MaxPooling3D max_pool1d max_pool2d",
        "max_pool",
        "size stride pad",
    ),
    **_layers(
        "AvgPool1d AvgPool2d AvgPool3d AvgPool AveragePool avg_pool2d AveragePooling1D "
        "AveragePooling2D AveragePooling3D",
        "avg_pool",
        "size stride pad",
    ),
    **_layers(
        "BatchNorm1d BatchNorm2d BatchNorm3d BatchNorm BatchNormalization",
        "batch_norm",
        "_ epsilon momentum",
    ),
    **_layers("LayerNorm LayerNormalization", "layer_norm"),
    **_layers("GroupNorm", "group_norm", "groups"),
    **_layers("InstanceNorm1d InstanceNorm2d", "instance_norm"),
    **_layers("RMSNorm", "rms_norm"),
    **_layers("Embedding embedding", "embed", "count size"),
    **_layers("Dropout Dropout1d Dropout2d Dropout3d", "dropout", "rate"),
    **_layers("Flatten Flatten1d", "flatten"),
    **_layers("Reshape", "reshape"),
    **_layers("LSTM LSTMCell", "lstm", "units"),
    **_layers("GRU GRUCell", "gru", "units"),
    **_layers("RNN SimpleRNN RNNCell", "rnn", "units"),
    **_layers("Softmax softmax", "softmax", "axis"),
    **_layers("LogSoftmax", "log_softmax", "axis"),
    **_layers("LeakyReLU leaky_relu", "leaky_relu", "slope"),
    **_layers("ReLU Relu relu", "relu"),
    **_layers("Sigmoid sigmoid", "sigmoid"),
    **_layers("Tanh tanh", "tanh"),
    **_layers("GELU Gelu gelu", "gelu"),
    **_layers("SiLU Swish silu swish", "silu"),
    **_layers("ELU Elu elu", "elu"),
    **_layers("SELU Selu selu", "selu"),
    **_layers("CELU celu", "celu"),
    **_layers("PReLU PRelu prelu", "prelu"),
    **_layers("Mish mish", "mish"),
    **_layers("Softplus softplus", "softplus"),
    **_layers("Softsign softsign", "softsign"),
    **_layers("Hardsigmoid HardSigmoid hardsigmoid", "hard_sigmoid"),
    **_layers("Hardswish HardSwish hardswish", "hard_swish"),
    **_layers("GlobalAveragePooling2D GlobalAveragePooling1D GlobalAveragePool", "global_avg_pool"),
    **_layers("GlobalMaxPooling2D GlobalMaxPooling1D GlobalMaxPool", "global_max_pool"),
}
"""Layers and functions that translate with their arguments."""

FUNCTIONS: dict[str, str] = {
    **_all("cat Concatenate concatenate hstack", "`concat(a, b, axis = 1)`"),
    "Sequential": "layers follow one another by arrows: `x -> dense(120) -> relu -> dense(10)`",
    "ModuleList": (
        "write the layers out, or a loop: `for i in 1..3 { h = h -> dense(10) -> relu }`"
    ),
    **_all("Model Module", "a model is a `network name { input …; output … }` of its own"),
    "Input": "an input is a statement of a network: `input x: float[N, 784]`",
    **_all(
        "CrossEntropyLoss NLLLoss SparseCategoricalCrossentropy CategoricalCrossentropy "
        "SoftmaxCrossEntropyLoss",
        "it is a function of two tensors: `cross_entropy(logits, label)`",
    ),
    **_all(
        "BCELoss BCEWithLogitsLoss BinaryCrossentropy binary_crossentropy",
        "it is a function of two tensors: `binary_cross_entropy(prediction, target)`",
    ),
    **_all(
        "MSELoss mse_loss MeanSquaredError",
        "it is a function of two tensors: `mse(prediction, target)`",
    ),
    **_all(
        "L1Loss MeanAbsoluteError",
        "it is a function of two tensors: `mae(prediction, target)`",
    ),
    **_all(
        "HuberLoss SmoothL1Loss Huber",
        "it is a function of two tensors: `huber(prediction, target)`",
    ),
    "KLDivLoss": "it is a function of two tensors: `kl_divergence(p, q)`",
    **_all("glorot glorot_uniform GlorotUniform", "`xavier`, for Glorot and Bengio's start"),
    **_all("glorot_normal GlorotNormal", "`xavier_normal`, for Glorot and Bengio's start"),
    **_all("he he_uniform HeUniform", "`kaiming`, for He's start"),
    **_all("he_normal HeNormal", "`kaiming_normal`, for He's start"),
    "range": "a range is written `1..10`, both ends included: `for i in 1..10 { … }`",
    "len": "write `length(list)`; a dimension is known by its letter: `D` of `x: float[N, D]`",
    "print": "to see a value, make it an output: `output h`",
    **_all("None null nil undefined", "nothing is called `none`: `bias = none`"),
    **_all("True yes", "write `true`"),
    **_all("False no", "write `false`"),
    **_all("Identity Lambda", "leave it out: a layer that does nothing needs no name"),
    **_all("randn normal_", "a random tensor is a `noise`: `noise e: float[N, 2] ~ normal(0, 1)`"),
    **_all("rand uniform_", "a random tensor is a `noise`: `noise u: float[N, 2] ~ uniform(0, 1)`"),
    **_all(
        "tensor array Tensor",
        "a list of numbers is a tensor where one is wanted: `[[1, 2], [3, 4]]`",
    ),
    **_all(
        "view permute view_as",
        "`x -> reshape(…)` and `x -> transpose(1, 2)` act on what comes after N",
    ),
    **_all("interpolate Upsample UpSampling2D", "it is called `resize` here"),
    **_all("pow power", "write `x ** 2`"),
    **_all("bmm mm dot MatMul Gemm", "write `a @ b`, or `matmul(a, b)`"),
    "Add": "write `a + b`",
    "Multiply": "write `a * b`",
    **_all("add multiply", "write `a + b`, `a * b`"),
    **_all(
        "float int str bool",
        "types stand in declarations only; an element type changes by `cast`",
    ),
    "ZeroPadding2D": "give `pad = 1` to the layer that follows",
    "MultiHeadAttention": "attention is written out with `matmul` and `softmax`",
    "no_grad": "an engine never has gradients; `fixed(x)` stops them in a recipe",
    "detach": "`fixed(x)` stops gradients in a recipe",
    **_all("device cuda", "the device is chosen by the command: `dlspec train --device cuda`"),
    **_all(
        "Parameter param Variable add_weight",
        "a bare parameter is a statement: `param w: float[10, 3]`",
    ),
    "super": "a network inherits nothing: write its inputs, layers and outputs",
}
"""Names with advice of their own."""

SETTINGS: dict[str, str] = {
    **_all("padding pads", "pad"),
    **_all("kernel_size kernel_shape ksize", "kernel"),
    "strides": "stride",
    **_all("dilation_rate dilations", "dilation"),
    **_all("out_channels filters out_planes nf", "channels"),
    **_all("out_features output_dim hidden_size num_units neurons n_units", "units"),
    **_all("pool_size window embedding_dim embed_dim", "size"),
    **_all("eps epsilon_", "epsilon"),
    **_all("p drop_rate dropout_rate prob drop_prob", "rate"),
    **_all("dim dims axes", "axis"),
    **_all("keepdim keepdims keep_dims", "keep"),
    **_all("num_embeddings input_dim vocab_size", "count"),
    **_all("negative_slope alpha", "slope"),
    **_all("group num_groups", "groups"),
    **_all("use_bias with_bias has_bias", "bias"),
    "output_padding": "output_pad",
    **_all("learning_rate lr_rate step_size eta", "lr"),
    **_all("weight_decay wd", "decay"),
    "beta_1": "beta1",
    "beta_2": "beta2",
    "label_smoothing": "smoothing",
    **_all("batch_size bs minibatch", "batch"),
    **_all("num_epochs n_epochs max_epochs nb_epoch", "epochs"),
    **_all("max_steps num_steps iterations max_iter", "steps"),
    **_all("early_stopping callbacks", "stop"),
    **_all("criterion loss_fn objective loss_function", "minimize"),
    **_all("optimiser opt optim solver", "optimizer"),
    "metric": "metrics",
    **_all("random_seed random_state manual_seed", "seed"),
}
"""Settings by another name."""

NEEDLESS: dict[str, str] = {
    **_all(
        "in_features in_channels input_size input_shape input_dims num_features in_planes"
        " normalized_shape",
        "leave it out: the shape of what comes in tells it",
    ),
    **_all("activation act", "an activation is applied after: `dense(10) -> relu`"),
    "inplace": "leave it out: values never change, names are bound anew",
    **_all("name layer_name", "name a layer by `as`: `-> conv(6, kernel = 5) as maps`"),
    **_all(
        "data_format channels_last layout",
        "leave it out: the order is N, channels, then the rest",
    ),
    **_all("kernel_initializer weight_init init", "give the initial value: `weight = kaiming`"),
    "bias_initializer": "give the initial value: `bias = zeros`",
    **_all("batch_first time_major", "leave it out: the order is N, time, features"),
    "return_sequences": "leave it out: `scan` gives every step, `.final` the last",
    **_all("dtype device", "leave it out: a network is float32, `--device` chooses the device"),
    **_all("kernel_regularizer regularizer l2", 'add `0.0001 * l2(net["*.weight"])` to the loss'),
    "from_logits": "leave it out: `cross_entropy` takes logits",
    **_all("reduction size_average", "leave it out: `minimize` takes the mean"),
    **_all("shuffle num_workers drop_last", "leave it out: training examples are always shuffled"),
    "verbose": "leave it out; `--quiet` and the like belong to the command",
    **_all("amsgrad foreach fused", "leave it out: there is no such variant here"),
}
"""Settings that nothing here takes, and why none is needed."""

METHODS: dict[str, str] = {
    **_all("view reshape", "{of} -> reshape(…)` acts on what comes after N; `{of} -> flatten"),
    "flatten": "{of} -> flatten",
    "permute": "{of} -> transpose(1, 2)",
    **_all("T mT transpose t", "{of} -> transpose"),
    "size": "{of}.shape",
    "unsqueeze": "unsqueeze({of}, axis = 1)",
    "squeeze": "squeeze({of}, axis = 1)",
    **_all("item to cuda cpu contiguous clone numpy", "{of}"),
    **_all("detach data", "fixed({of})"),
    **_all("float double half long int type astype", "cast({of}, …)"),
    **_all("mean sum max min argmax", "{name}({of}, axis = -1)"),
    **_all("softmax log_softmax relu sigmoid tanh exp log sqrt abs", "{name}({of})"),
    "pow": "{of} ** 2",
    **_all("matmul mm bmm dot", "{of} @ b"),
    **_all("clamp clip", "clip({of}, 0, 1)"),
    "chunk": "{of}[:, 0:4]",
    **_all("expand repeat", "{of}` broadcasts by itself in `{of} + b"),
    "add": "{of} + b",
    "mul": "{of} * b",
}
"""Methods of tensors, by what to write; ``{of}`` is the tensor, ``{name}`` the method."""

STATEMENTS: dict[str, str] = {
    "add": "layers are applied by arrows and named: `h = x -> dense(100) -> relu`",
    **_all(
        "compile fit train backward step zero_grad",
        "training is a definition beside the network: `recipe learn for net on mnist() { … }`",
    ),
    **_all("eval evaluate predict summary", "this is a command: `dlspec check`, `dlspec predict`"),
    **_all("save save_weights state_dict", "`dlspec train` writes the bundle `build/<network>`"),
    **_all(
        "load load_weights load_state_dict",
        'a recipe begins with `load net from "build/net"`',
    ),
    **_all("to cuda cpu", "the device is chosen by the command: `dlspec train --device cuda`"),
    **_all("forward call", "a network has no methods: its body is what it computes"),
    **_all("append extend", "a list grows by a new binding: `hs = append(hs, h)`"),
    "manual_seed": "the seed is a setting of the recipe: `seed = 1`",
    "cell": "a cell stands at the top of the file",
}
"""Calls that stand alone, by what is called."""

TYPES: dict[str, str] = {
    **_all("double f64 Double", "float64"),
    **_all("single f32 Float real tensor Tensor number", "float"),
    **_all("half f16 fp16", "float16"),
    "bf16": "bfloat16",
    **_all("long i64 Int integer str string text token", "int"),
    **_all("i32 int_32", "int32"),
    **_all("byte u8 uchar pixel", "uint8"),
    **_all("boolean Bool", "bool"),
}
"""Element types by another name."""

DIMENSIONS: dict[str, str] = {
    **_all("batch batch_size b n bs batchsize", "N"),
    **_all("time t seq seq_len length steps timesteps", "T"),
    **_all("height h", "H"),
    **_all("width w", "W"),
    **_all("channels c", "C"),
}
"""Dimensions by the letters that specs use."""

OPTIMIZERS: dict[str, str] = {
    "Adam": "adam",
    "AdamW": "adamw",
    "SGD": "sgd",
    **_all("RMSprop RMSProp", "rmsprop"),
    "Adagrad": "adagrad",
    "Adadelta": "adadelta",
    "LBFGS": "lbfgs",
}
"""Optimisers by another name."""

VALUES: dict[str, str] = {
    "True": "true",
    "False": "false",
    **_all("None null", "none"),
}
"""Words for values."""
