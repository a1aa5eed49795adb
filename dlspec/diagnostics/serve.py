"""What can be wrong with a request, a server, and what `predict` is given (DL420 to DL439).

Where a server answers with one of them, ``status`` is the HTTP status of the answer.
"""

from __future__ import annotations

from typing import ClassVar

from dlspec.diagnostics.core import Diagnostic
from dlspec.late import late_dataclass


@late_dataclass
class RequestFault(Diagnostic):
    """Base of what a client can do wrong."""

    status: ClassVar[int] = 400


@late_dataclass
class RequestNotJson(RequestFault):
    """The body of an inference request, or its JSON part, is not a JSON object.

    Wrong:
        POST /v2/models/lenet/infer   {"image": [[0, 0]]}

    Right:
        POST /v2/models/lenet/infer   {"inputs": [{"name": "image", "shape": [1, 28, 28], …}]}
    """

    reason: str
    code = "DL420"
    title = "the request is not an inference request in JSON: {reason}"
    help = 'send {{"inputs": [{{"name": …, "shape": […], "datatype": …, "data": […]}}]}}'


@late_dataclass
class RequestUnknownField(RequestFault):
    """A request has a field or a parameter that means nothing here.

    It is refused and not ignored, since a misspelt ``outptus`` would otherwise change the answer
    without a word.

    Wrong:
        POST /v2/models/lenet/infer   {"inputs": […], "outptus": [{"name": "digit"}]}

    Right:
        POST /v2/models/lenet/infer   {"inputs": […], "outputs": [{"name": "digit"}]}
    """

    where: str
    name: str
    known: str
    suggestion: str | None = None
    code = "DL421"
    title = "{where} has an unknown field `{name}`"
    note = "fields known here: {known}"
    help = "did you mean `{suggestion}`?"


@late_dataclass
class RequestField(RequestFault):
    """A field of a request is missing, or its value is of another kind than the protocol says.

    Wrong:
        POST /v2/models/lenet/infer   {"inputs": [{"name": "image", "shape": "1,28,28", …}]}

    Right:
        POST /v2/models/lenet/infer   {"inputs": [{"name": "image", "shape": [1, 28, 28], …}]}
    """

    where: str
    field: str
    received: str
    expected: str
    code = "DL422"
    title = "`{field}` of {where} is {received}"
    note = "it must be {expected}"


@late_dataclass
class RequestDatatype(RequestFault):
    """A tensor's ``datatype`` is not one that is served.

    BOOL, INT8 to INT64, UINT8 to UINT64, FP16, FP32 and FP64 are, BF16 is not; BYTES (texts) is
    for inputs whose ids stand for words.

    Wrong:
        POST /v2/models/lenet/infer   {"inputs": [{"name": "image", "datatype": "BYTES", …}]}

    Right:
        POST /v2/models/lenet/infer   {"inputs": [{"name": "image", "datatype": "UINT8", …}]}
    """

    name: str
    datatype: str
    known: str
    expected: str | None = None
    code = "DL423"
    title = "the input `{name}` has datatype {datatype}, which is not served"
    note = "datatypes: {known}"
    help = "`{name}` takes {expected}"


@late_dataclass
class RequestData(RequestFault):
    """A tensor's values are not what its ``shape`` and ``datatype`` say.

    ``data`` in JSON is a flat list in row-major order, or lists nested as the shape is. Numbers of
    examples that differ in length are padded by the client, and an input of lengths says how much
    of each counts; texts (BYTES) are padded by the server.

    Wrong:
        POST /v2/models/tiny/infer   {"inputs": [{"shape": [1, 2], "data": [1, 2, 3], …}]}

    Right:
        POST /v2/models/tiny/infer   {"inputs": [{"shape": [1, 2], "data": [1, 2], …}]}
    """

    name: str
    reason: str
    expected: str
    fix: str | None = None
    code = "DL424"
    title = "the data of the input `{name}` does not fit: {reason}"
    note = "its shape and datatype say {expected}"
    help = "{fix}"


@late_dataclass
class RequestBinary(RequestFault):
    """The binary part of a request does not fit what the request says of it.

    With the binary tensor extension the header ``Inference-Header-Content-Length`` gives the length
    of the JSON part; after it come the tensors' bytes (little endian, row-major) in the order of
    the inputs, each of the length that its parameter ``binary_data_size`` says.

    Wrong:
        POST /v2/models/lenet/infer   (JSON, then bytes, and no length of the JSON)

    Right:
        POST /v2/models/lenet/infer   (Inference-Header-Content-Length: 164)
    """

    reason: str
    code = "DL425"
    title = "the binary part of the request does not fit: {reason}"
    help = (
        "`Inference-Header-Content-Length` and each `binary_data_size` are lengths in bytes, "
        "which together make up the whole body"
    )


@late_dataclass
class RequestInputName(RequestFault):
    """A request names an input that the model does not have, or one twice.

    Wrong:
        POST /v2/models/lenet/infer   {"inputs": [{"name": "picture", …}]}

    Right:
        POST /v2/models/lenet/infer   {"inputs": [{"name": "image", …}]}
    """

    name: str
    reason: str
    known: str
    suggestion: str | None = None
    code = "DL426"
    title = "the input `{name}` {reason}"
    note = "the model takes {known}"
    help = "did you mean `{suggestion}`?"


@late_dataclass
class RequestOutputName(RequestFault):
    """A request asks for an output that the model does not have, or for one twice.

    Wrong:
        POST /v2/models/lenet/infer   {"inputs": […], "outputs": [{"name": "class"}]}

    Right:
        POST /v2/models/lenet/infer   {"inputs": […], "outputs": [{"name": "digit"}]}
    """

    name: str
    reason: str
    known: str
    suggestion: str | None = None
    code = "DL427"
    title = "the output `{name}` {reason}"
    note = "the model answers {known}"
    help = "did you mean `{suggestion}`?"


@late_dataclass
class ModelNotServed(RequestFault):
    """No model, or no version of it, is served under this name.

    Wrong:
        POST /v2/models/lent/infer   {"inputs": […]}

    Right:
        POST /v2/models/lenet/infer   {"inputs": […]}
    """

    name: str
    known: str
    suggestion: str | None = None
    code = "DL428"
    title = "no model `{name}` is served here"
    note = "served: {known}"
    help = "did you mean `{suggestion}`?"
    status = 404


@late_dataclass
class NoSuchPath(RequestFault):
    """The server has nothing at this path.

    Wrong:
        GET /v2/model/lenet

    Right:
        GET /v2/models/lenet
    """

    path: str
    known: str
    suggestion: str | None = None
    code = "DL429"
    title = "there is nothing at `{path}`"
    note = "paths: {known}"
    help = "did you mean `{suggestion}`?"
    status = 404


@late_dataclass
class WrongMethod(RequestFault):
    """A path was asked with a method that it does not have: inference is POST, all else GET.

    Wrong:
        GET /v2/models/lenet/infer

    Right:
        POST /v2/models/lenet/infer   {"inputs": […]}
    """

    path: str
    method: str
    allowed: str
    code = "DL430"
    title = "`{path}` does not take {method}"
    help = "use {allowed}"
    status = 405


@late_dataclass
class BodyTooLarge(RequestFault):
    """A request's body is larger than the server takes.

    Wrong:
        $ dlspec serve build/lenet       # and a request of more bytes than the limit

    Right:
        $ dlspec serve build/lenet       # and the examples in several requests
    """

    size: str
    limit: int
    code = "DL431"
    title = "the request has {size} bytes; this server takes {limit}"
    help = "send fewer examples at once, or start the server with a larger `--limit`"
    status = 413


@late_dataclass
class WrongContent(RequestFault):
    """A request's content type or encoding is not one that the protocol has.

    Wrong:
        POST /v2/models/lenet/infer   (Content-Type: text/csv)

    Right:
        POST /v2/models/lenet/infer   (Content-Type: application/json)
    """

    field: str
    received: str
    expected: str
    code = "DL432"
    title = "`{field}: {received}` is not taken here"
    help = "send {expected}"
    status = 415


@late_dataclass
class ServerFault(RequestFault):
    """The server failed at a request that it should have answered; its log has the details.

    Wrong:
        POST /v2/models/lenet/infer   (a right request, and a fault of the server)

    Right:
        $ dlspec serve build/lenet       # its log has the reference and what went wrong
    """

    reference: str
    code = "DL433"
    title = "the server failed at this request"
    note = "its log tells more under {reference}"
    status = 500


@late_dataclass
class AddressNotUsable(Diagnostic):
    """The server cannot listen at the address that it was given.

    Wrong:
        $ dlspec serve build/lenet --port 80     # which only the administrator may use

    Right:
        $ dlspec serve build/lenet --port 8080
    """

    address: str
    reason: str
    fix: str | None = None
    code = "DL434"
    title = "cannot serve at {address}: {reason}"
    help = "{fix}"


@late_dataclass
class ServeOption(Diagnostic):
    """An option of `dlspec serve` or `dlspec predict` has a value that it cannot take.

    Wrong:
        $ dlspec serve build/lenet --port 99999

    Right:
        $ dlspec serve build/lenet --port 8080
    """

    option: str
    value: str
    expected: str
    code = "DL435"
    title = "`{option}` is {value}"
    note = "it takes {expected}"


@late_dataclass
class ExtraMissing(Diagnostic):
    """A Python module that this command needs is not installed.

    Wrong:
        $ dlspec serve build/lenet       # without the packages of the server

    Right:
        $ pip install 'dlspec[serve]'
    """

    module: str
    purpose: str
    extra: str
    code = "DL436"
    title = "{purpose} needs the Python module `{module}`, which is not installed"
    help = "install it: `pip install 'dlspec[{extra}]'`"


@late_dataclass
class PredictFile(Diagnostic):
    """A file given to `dlspec predict` cannot be read as a model's input.

    Pictures (PNG, JPEG, …) fit inputs with the axes of a picture; WAV files with one channel fit
    waves, at the rate that the model was trained on; ``.npy``, ``.npz`` and ``.json`` hold the
    array itself, with or without the batch axis.

    Wrong:
        $ dlspec predict build/lenet image=notes.txt

    Right:
        $ dlspec predict build/lenet image=seven.png
    """

    file: str
    reason: str
    fix: str | None = None
    code = "DL437"
    title = "`{file}` cannot be used: {reason}"
    help = "{fix}"


@late_dataclass
class PredictName(Diagnostic):
    """`dlspec predict` was given a value for an input that the model does not have, or not told
    which input a file is for.

    Wrong:
        $ dlspec predict build/lenet picture=seven.png

    Right:
        $ dlspec predict build/lenet image=seven.png
    """

    name: str
    reason: str
    known: str
    suggestion: str | None = None
    code = "DL438"
    title = "`{name}`: {reason}"
    note = "the model takes {known}"
    help = "did you mean `{suggestion}`?"
