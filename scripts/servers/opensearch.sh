#!/usr/bin/env bash
# One OpenSearch node for tests, without security, put together from jars of Maven Central: no package registry has it.
#   AFTERBAY_OPENSEARCH_PORT  29200
#   AFTERBAY_OPENSEARCH_HEAP  512m
#   AFTERBAY_OPENSEARCH_JAVA  options for Java; by default its second compiler stays off, which tests are too short for
server=opensearch
port_variable=AFTERBAY_OPENSEARCH_PORT
port=${AFTERBAY_OPENSEARCH_PORT:-29200}
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
sources=$(realpath "$(dirname "${BASH_SOURCE[0]}")")/opensearch
heap=${AFTERBAY_OPENSEARCH_HEAP:-512m}
options=${AFTERBAY_OPENSEARCH_JAVA--XX:TieredStopAtLevel=1}

missing() {
  local release
  release=$(javac -version 2>&1 | sed -nE 's/^javac ([0-9]+).*/\1/p')
  if [ "${release:-0}" -lt 17 ]; then
    echo "no JDK of 17 or later: apt-get install openjdk-17-jdk-headless"
  elif ! command -v mvn >/dev/null; then
    echo "no Maven: apt-get install maven"
  elif ! command -v curl >/dev/null; then
    echo "no curl: apt-get install curl"
  fi
}

fetch() {
  local wanted
  wanted=$(cat "$sources"/* | sha256sum)
  [ "$(cat "$home/installed" 2>/dev/null)" != "$wanted" ] || return 0
  rm -rf "$home/jars" "$home/classes"
  mvn -q -B -f "$sources/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$home/jars"
  javac --release 17 -nowarn -cp "$home/jars/*" -d "$home/classes" "$sources/TestNode.java"
  echo "$wanted" >"$home/installed"
}

launch() {
  mkdir -p "$home/tmp" "$home/config"
  exec java "-Xms$heap" "-Xmx$heap" -XX:+UseSerialGC $options -Djava.awt.headless=true \
    -Djava.io.tmpdir="$home/tmp" -Dlog4j2.configurationFile="$sources/log4j2.properties" \
    -Dio.netty.allocator.numDirectArenas=0 -cp "$home/classes:$home/jars/*" TestNode "$home" "$port"
}

ready() {
  curl -sf -m 2 "$(url)/_cluster/health?wait_for_status=yellow&timeout=1s"
}

url() {
  echo "http://127.0.0.1:$port"
}

main "$@"
