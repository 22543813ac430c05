# Every target sets up what it needs; a second call starts at once.
.PHONY: chat test setup train up check evaluate bench chaos clean

chat: train
	@.venv/bin/guichet chat

up: train
	@.venv/bin/guichet up

test: train
	@deploy/test

setup:
	@deploy/setup

train: setup
	@deploy/train

check: setup
	@.venv/bin/guichet kb check

evaluate: train
	@.venv/bin/guichet evaluate knowledge_base/evaluation/*.jsonl

bench: train
	@.venv/bin/guichet bench latency

chaos: train
	@.venv/bin/guichet chaos

clean:
	rm -rf .venv bot/.venv bot/models .tools var/knowledge_base
