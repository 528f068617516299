"""The partner's rtpengine: the bridge between the legs while secured, the digits it hears, the prompts it plays."""
