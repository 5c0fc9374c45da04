"""The body that all benchmarks read, a details page: two finished tracks, as live answers look."""

import json

TRACK = {
    "audioUrl": "https://files.example.com/5c79a1b2c3d4e5f60718293a4b5cbe8e.mp3",
    "sourceAudioUrl": "https://cdn.example.com/5c79a1b2-c3d4-e5f6-0718-293a4b5cbe8e.mp3",
    "streamAudioUrl": "https://files.example.com/5c79a1b2c3d4e5f60718293a4b5cbe8e",
    "imageUrl": "https://files.example.com/5c79a1b2c3d4e5f60718293a4b5cbe8e.jpeg",
    "prompt": "[Verse]\nNight city lights shining bright\n[Chorus]\nOh the rain, oh the rain\n" * 8,
    "modelName": "chirp-bluejay",
    "title": "Rain in Lisbon",
    "tags": "calm piano, fado, brushed drums",
    "createTime": 1758044664461,
    "duration": 163.88,
}
RESPONSE = {
    "taskId": "5c79a1b2c3d4e5f60718293a4b5cbe8e",
    "sunoData": [{"id": f"00000000-0000-4000-8000-00000000000{n}"} | TRACK for n in (1, 2)],
}
BODY = {
    "code": 200,
    "msg": "success",
    "data": {
        "taskId": "5c79a1b2c3d4e5f60718293a4b5cbe8e",
        "parentMusicId": "",
        "param": json.dumps({"prompt": TRACK["prompt"], "model": "V5"}),
        "response": RESPONSE,
        "status": "SUCCESS",
        "type": "chirp-bluejay",
        "operationType": "generate",
        "errorCode": None,
        "errorMessage": None,
        "createTime": 1758044640000,
    },
}
PAGE = json.dumps(BODY).encode()
GOING = PAGE.replace(b'"SUCCESS"', b'"FIRST_SUCCESS"')
"""The same page, not yet final."""
